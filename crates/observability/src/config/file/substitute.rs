//! References to variables of the environment in a value: `${NAME}`, `${env:NAME}`, `${NAME:-default}`.
//!
//! Invariants: what comes from a variable is not looked at again, so that it can name no other one;
//! `$$` is a dollar sign that begins no reference; the text that comes out is bounded.
//!
//! Source: OpenTelemetry specification, "Configuration data model", "Environment variable substitution".

use super::node::Variables;

const EXPECTED: &str = "expected a reference such as ${NAME} or ${NAME:-default}";

/// A longer text is none of settings.
const MAX_TEXT_BYTES: usize = 64 << 10;

/// A text with its references replaced, or what is wrong with one of them.
pub(super) fn substituted(text: &str, variables: &Variables<'_>) -> Result<String, String> {
    let mut out = String::with_capacity(text.len());
    for (index, part) in text.split("$$").enumerate() {
        if index > 0 {
            out.push('$');
        }
        push_part(&mut out, part, variables)?;
    }
    Ok(out)
}

/// A part without escaped dollar signs.
fn push_part(out: &mut String, part: &str, variables: &Variables<'_>) -> Result<(), String> {
    let mut rest = part;
    while let Some((before, after)) = rest.split_once("${") {
        out.push_str(before);
        let Some((reference, behind)) = after.split_once('}') else {
            out.push_str("${");
            rest = after;
            continue;
        };
        out.push_str(&value(reference, variables)?);
        if out.len() > MAX_TEXT_BYTES {
            return Err("expected a text of at most 64 KiB".to_owned());
        }
        rest = behind;
    }
    out.push_str(rest);
    Ok(())
}

fn value(reference: &str, variables: &Variables<'_>) -> Result<String, String> {
    let reference = reference.strip_prefix("env:").unwrap_or(reference);
    let (name, default) = match reference.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (reference, None),
    };
    if !is_name(name) {
        return Err(EXPECTED.to_owned());
    }
    let of_environment = variables(name).filter(|value| !value.is_empty());
    Ok(of_environment
        .or_else(|| default.map(str::to_owned))
        .unwrap_or_default())
}

fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variable(name: &str) -> Option<String> {
        let value = match name {
            "STRING_VALUE" => "value",
            "FLOAT_VALUE" => "1.1",
            "REPLACE_ME" => "${DO_NOT_REPLACE_ME}",
            "DO_NOT_REPLACE_ME" => "never used",
            "WITH_ESCAPE" => "value$$",
            "EMPTY" => "",
            _ => return None,
        };
        Some(value.to_owned())
    }

    #[test]
    fn references_are_replaced_once_from_left_to_right() {
        let rows = [
            ("${STRING_VALUE}", "value"),
            ("${env:STRING_VALUE}", "value"),
            ("foo ${STRING_VALUE} ${FLOAT_VALUE}", "foo value 1.1"),
            ("${UNDEFINED}", ""),
            ("${UNDEFINED:-fallback}", "fallback"),
            ("${EMPTY:-fallback}", "fallback"),
            ("${STRING_VALUE:-fallback}", "value"),
            ("${REPLACE_ME}", "${DO_NOT_REPLACE_ME}"),
            ("${UNDEFINED:-${STRING_VALUE}}", "${STRING_VALUE}"),
            ("$${STRING_VALUE}", "${STRING_VALUE}"),
            ("$$${STRING_VALUE}", "$value"),
            ("$$$${STRING_VALUE}", "$${STRING_VALUE}"),
            ("$${STRING_VALUE:-fallback}", "${STRING_VALUE:-fallback}"),
            (
                "$${STRING_VALUE:-${STRING_VALUE}}",
                "${STRING_VALUE:-value}",
            ),
            ("${UNDEFINED:-$${UNDEFINED}}", "${UNDEFINED:-${UNDEFINED}}"),
            ("${WITH_ESCAPE}", "value$$"),
            ("a $$ b", "a $ b"),
            ("a $ b", "a $ b"),
            ("http://${STRING_VALUE}:4318/v1", "http://value:4318/v1"),
        ];
        for (text, expected) in rows {
            assert_eq!(
                substituted(text, &variable).as_deref(),
                Ok(expected),
                "{text}"
            );
        }
    }

    #[test]
    fn variables_make_no_text_without_end() {
        let long = |_: &str| Some("x".repeat(MAX_TEXT_BYTES / 2));
        assert!(substituted(&"${A}".repeat(2), &long).is_ok());
        let error = substituted(&"${A}".repeat(100_000), &long).unwrap_err();
        assert_eq!(error, "expected a text of at most 64 KiB");
    }

    #[test]
    fn what_is_no_reference_is_an_error() {
        for text in [
            "${STRING_VALUE:?error}",
            "${1KEY}",
            "${KEY_$X}",
            "${}",
            "${sys:user.home}",
        ] {
            assert_eq!(
                substituted(text, &variable),
                Err(EXPECTED.to_owned()),
                "{text}"
            );
        }
    }
}
