//! `cargo xtask bench`: measures this recorder beside its peers.
//!
//! Position: `plan` says what is measured and what is expected of it; `drive` runs the programs of
//! benchmarks/rust-peers and `count` has Valgrind count; `samples` keeps what they print; `table` and `plot`
//! show it, `profile` for the goals that are missed.
//!
//! Invariant: all that is compared comes from one run, in which the peers take turns.

mod count;
mod drive;
mod plan;
mod plot;
mod profile;
mod samples;
mod table;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};

use crate::command::Command;
use crate::workspace::Workspace;
use drive::Effort;
use plan::SCENARIOS;
use samples::Summary;

/// Where the pictures of docs/performance.md are.
const PICTURES: &str = "docs/pictures";

pub(crate) const COMMAND: Command = Command {
    name: "bench",
    summary: "Measures the recorder beside its peers and prints one table.",
    options: &[
        (
            "--quick",
            "fewer and shorter samples: about two minutes once built",
        ),
        (
            "--json",
            "prints the numbers of the run instead of the table",
        ),
        (
            "--rounds N",
            "how often every peer does every scenario (5; quick: 2)",
        ),
        (
            "--from FILE",
            "measures nothing: shows what `--json` printed before",
        ),
        ("--plot", "draws the pictures of docs/performance.md"),
        (
            "SCENARIO..",
            "only these; `cargo xtask bench list` names them",
        ),
    ],
    help: "Runs benchmarks/rust-peers, a workspace of its own, in release mode. In each round every\n\
           scenario is done by every peer in turn, each in a process of its own, so that a machine that\n\
           changes its speed changes it for all. Read the ratios; absolute times do not travel.\n\
           Instructions are counted where Valgrind is; below the table stands where they go for each goal\n\
           that is missed. Progress is on standard error.",
    run: |workspace, options| {
        run(workspace, options)?;
        Ok(ExitCode::SUCCESS)
    },
};

/// What the options ask for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Wish {
    is_quick: bool,
    is_json: bool,
    is_plot: bool,
    rounds: Option<usize>,
    from: Option<PathBuf>,
    scenarios: Vec<String>,
}

impl Wish {
    fn read(options: &[String]) -> Result<Self> {
        let mut wish = Self::default();
        let mut options = options.iter();
        while let Some(option) = options.next() {
            let mut value = || options.next().context("a value is missing");
            match option.as_str() {
                "--quick" => wish.is_quick = true,
                "--json" => wish.is_json = true,
                "--plot" => wish.is_plot = true,
                "--rounds" => wish.rounds = Some(value()?.parse().context("--rounds")?),
                "--from" => wish.from = Some(value()?.into()),
                name => wish.scenarios.push(name.to_owned()),
            }
        }
        Ok(wish)
    }

    /// The scenarios by name; all of a kind when none is named.
    fn scenarios(&self) -> Result<Vec<&'static plan::Scenario>> {
        let known = |name: &&String| SCENARIOS.iter().any(|scenario| scenario.name == **name);
        if let Some(unknown) = self.scenarios.iter().find(|name| !known(name)) {
            bail!(
                "there is no scenario `{unknown}`; they are: {}",
                names().join(" ")
            );
        }
        let is_asked_for = |scenario: &&plan::Scenario| {
            if self.scenarios.is_empty() {
                !(self.is_quick && scenario.is_only_plotted)
            } else {
                self.scenarios.iter().any(|name| name == scenario.name)
            }
        };
        Ok(SCENARIOS.iter().filter(is_asked_for).collect())
    }
}

fn names() -> Vec<&'static str> {
    SCENARIOS.iter().map(|scenario| scenario.name).collect()
}

fn run(workspace: &Workspace, options: &[String]) -> Result<()> {
    let wish = Wish::read(options)?;
    if wish.scenarios == ["list"] {
        println!("{}", names().join("\n"));
        return Ok(());
    }
    let summary = if let Some(file) = &wish.from {
        read(file)?
    } else {
        let effort = Effort::new(wish.is_quick, wish.rounds);
        drive::measure(workspace, &wish.scenarios()?, effort)?
    };
    if wish.is_json {
        println!("{}", summary.to_json()?);
    } else {
        print!("{}", table::markdown(&summary));
    }
    if wish.is_plot {
        draw(&summary, &workspace.root().join(PICTURES))?;
    }
    Ok(())
}

fn read(file: &Path) -> Result<Summary> {
    let text = fs::read_to_string(file).with_context(|| file.display().to_string())?;
    Summary::from_json(&text).with_context(|| file.display().to_string())
}

fn draw(summary: &Summary, folder: &Path) -> Result<()> {
    for (name, picture) in plot::pictures(summary) {
        let file = folder.join(name);
        fs::write(&file, picture).with_context(|| file.display().to_string())?;
        eprintln!("wrote {}", file.display());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(options: &[&str]) -> Result<Wish> {
        Wish::read(&options.iter().map(ToString::to_string).collect::<Vec<_>>())
    }

    #[test]
    fn scenarios_are_asked_for_by_name() {
        let asked = wish(&["--rounds", "3", "S1", "--quick", "axum"]).unwrap();
        assert_eq!((asked.rounds, asked.is_quick), (Some(3), true));
        let names: Vec<_> = asked.scenarios().unwrap().iter().map(|s| s.name).collect();
        assert_eq!(names, ["S1", "axum"]);
        assert!(wish(&["S1", "S0"]).unwrap().scenarios().is_err());
        assert!(wish(&["--rounds", "many"]).is_err());
    }

    #[test]
    fn a_quick_run_leaves_out_what_only_a_picture_needs() {
        let all = Wish::default().scenarios().unwrap().len();
        let quick = wish(&["--quick"]).unwrap().scenarios().unwrap();
        assert_eq!(all, SCENARIOS.len());
        assert!(quick.len() < all);
        let rows = plan::ROWS.iter().map(|row| row.scenario);
        let missing: Vec<_> = rows
            .filter(|name| !quick.iter().any(|s| s.name == *name))
            .collect();
        assert_eq!(missing, Vec::<&str>::new());
    }
}
