//! Every section of the guide that a rule of the linter names is a heading of the guide.

use continuum_observability::lint::Rule;

/// The headings of the guide, without numbers, each below a chapter with the chapter before it.
fn headings() -> Vec<String> {
    let mut chapter = "";
    let mut headings = Vec::new();
    for line in include_str!("../tracing-guide.md").lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            chapter = heading;
            headings.push(heading.to_owned());
        } else if let Some(heading) = line.strip_prefix("### ") {
            let heading = heading.trim_start_matches(|letter: char| !letter.is_alphabetic());
            headings.push(format!("{chapter}: {heading}"));
        }
    }
    headings
}

#[test]
fn each_rule_names_a_section_of_the_guide() {
    let headings = headings();
    for rule in Rule::ALL {
        let section = rule.section();
        assert!(
            headings.iter().any(|heading| heading == section),
            "{rule}: {section}"
        );
    }
}
