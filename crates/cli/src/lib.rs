//! The program `continuum`: command line, HTTP API and demo.
//!
//! A library only so that its tests can start the server in their own process. [`command`] is what
//! can be typed, [`http`] the API, [`worker`] what tells another node, [`demo`] the service shown on
//! [`dataset`]s, with the figures of [`evaluation`]; [`trace_file`]
//! reads spans that a program has written, `run` starts a program and takes its spans through a receiver,
//! [`doctor`] finds out why they do not arrive.

pub mod command;
pub mod dataset;
pub mod demo;
pub mod doctor;
pub mod evaluation;
pub mod http;
mod log;
mod receiver;
mod run;
pub mod trace_file;
pub mod worker;
