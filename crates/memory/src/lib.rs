//! Learn and recall for many tenants.
