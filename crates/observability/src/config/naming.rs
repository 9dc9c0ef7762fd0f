//! Which names ready-made spans give to their attributes, and whether they show texts of users.
//!
//! Position: under [`super::settings`].
//!
//! Source: OpenTelemetry semantic conventions, "HTTP semantic convention stability migration" and
//! those of databases, messaging and generative AI, for `OTEL_SEMCONV_STABILITY_OPT_IN`.

use super::env::{self, Environment};
use crate::semconv::{Conventions, Group, Naming};

/// The groups that the opt-in knows; of other instrumentations it names more, which are not ours.
const GROUPS: [(&str, Group); 4] = [
    ("http", Group::Http),
    ("database", Group::Database),
    ("messaging", Group::Messaging),
    ("gen_ai_latest_experimental", Group::GenAi),
];

/// The builder's word for everything; else the opt-in's for the groups that it names, and
/// `CONTINUUM_SEMCONV`'s for the others.
pub(super) fn naming(chosen: Option<Conventions>, env: &Environment<'_>) -> Naming {
    if let Some(conventions) = chosen {
        return Naming::all(conventions);
    }
    let choices = [
        ("stable", Conventions::Stable),
        ("legacy", Conventions::Legacy),
        ("dup", Conventions::Dup),
    ];
    let naming = Naming::all(env.choice(env::SEMCONV, &choices).unwrap_or_default());
    match env.text(env::SEMCONV_STABILITY_OPT_IN) {
        Some(list) => opt_in(naming, &list),
        None => naming,
    }
}

/// A group that is named both ways gets both names.
fn opt_in(mut naming: Naming, list: &str) -> Naming {
    let named = |wanted: &str| list.split(',').any(|name| name.trim() == wanted);
    for (name, group) in GROUPS {
        if named(&format!("{name}/dup")) {
            naming = naming.with(group, Conventions::Dup);
        } else if named(name) {
            naming = naming.with(group, Conventions::Stable);
        }
    }
    naming
}

pub(super) fn previews(chosen: Option<bool>, env: &Environment<'_>) -> bool {
    chosen.unwrap_or_else(|| env.flag(env::PREVIEWS))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::testing::environment;
    use Conventions::{Dup, Legacy, Stable};

    fn resolved(variables: &[(&str, &str)]) -> [Conventions; 5] {
        let env = environment(variables);
        let naming = naming(None, &env);
        assert_eq!(env.problems(), Vec::<String>::new());
        [
            Group::Http,
            Group::Database,
            Group::Messaging,
            Group::Cache,
            Group::GenAi,
        ]
        .map(|group| naming.of(group))
    }

    #[test]
    fn the_opt_in_wins_for_the_groups_that_it_names() {
        let rows = [
            ("", "", [Stable; 5]),
            ("Legacy", "", [Legacy; 5]),
            ("dup", "", [Dup; 5]),
            ("legacy", "http", [Stable, Legacy, Legacy, Legacy, Legacy]),
            ("", "database/dup", [Stable, Dup, Stable, Stable, Stable]),
            (
                "legacy",
                " messaging/dup , http",
                [Stable, Legacy, Dup, Legacy, Legacy],
            ),
            (
                "legacy",
                "http/dup,http",
                [Dup, Legacy, Legacy, Legacy, Legacy],
            ),
            (
                "legacy",
                "gen_ai_latest_experimental",
                [Legacy, Legacy, Legacy, Legacy, Stable],
            ),
            ("dup", "rpc,k8s/dup,httpx,HTTP", [Dup; 5]),
        ];
        for (general, opt_in, expected) in rows {
            let variables = [
                ("CONTINUUM_SEMCONV", general),
                ("OTEL_SEMCONV_STABILITY_OPT_IN", opt_in),
            ];
            assert_eq!(resolved(&variables), expected, "{general} {opt_in}");
        }
    }

    #[test]
    fn unknown_conventions_are_named_with_the_choices() {
        let env = environment(&[("CONTINUUM_SEMCONV", "old")]);
        assert_eq!(naming(None, &env), Naming::default());
        assert_eq!(
            env.problems(),
            ["CONTINUUM_SEMCONV: expected one of stable, legacy, dup, not \"old\""]
        );
    }

    #[test]
    fn the_builder_decides_for_every_group() {
        let env = environment(&[("OTEL_SEMCONV_STABILITY_OPT_IN", "http")]);
        assert_eq!(naming(Some(Dup), &env), Naming::all(Dup));
        assert!(previews(Some(true), &env));
    }

    #[test]
    fn previews_are_off_unless_asked_for() {
        assert!(!previews(None, &environment(&[])));
        assert!(previews(
            None,
            &environment(&[("CONTINUUM_PREVIEWS", "true")])
        ));
    }
}
