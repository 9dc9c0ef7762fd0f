//! The dates of the layout: `2:40 pm on 3 March, 2026`.
//!
//! Position: used by `layout` for the sessions of a file.
//!
//! Invariant: gives RFC 3339 in UTC, or nothing for what is not such a date.

const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];

/// Translates a date of the layout into RFC 3339.
pub(super) fn to_rfc3339(text: &str) -> Option<String> {
    let (time, date) = text.split_once(" on ")?;
    let (hour, minute) = time_of_day(time.trim())?;
    let (year, month, day) = calendar_day(date)?;
    Some(format!(
        "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:00Z"
    ))
}

fn time_of_day(text: &str) -> Option<(u32, u32)> {
    let (clock, half) = text.split_once(' ')?;
    let (hour, minute) = clock.split_once(':')?;
    let (hour, minute): (u32, u32) = (hour.parse().ok()?, minute.parse().ok()?);
    let afternoon = match half.trim().to_ascii_lowercase().as_str() {
        "am" => 0,
        "pm" => 12,
        _ => return None,
    };
    ((1..=12).contains(&hour) && minute < 60).then_some((hour % 12 + afternoon, minute))
}

fn calendar_day(text: &str) -> Option<(u32, usize, u32)> {
    let mut parts = text.split([' ', ',']).filter(|part| !part.is_empty());
    let (day, month, year) = (parts.next()?, parts.next()?, parts.next()?);
    let month = month.get(..3)?.to_ascii_lowercase();
    let month = MONTHS.iter().position(|name| *name == month)? + 1;
    let (day, year): (u32, u32) = (day.parse().ok()?, year.parse().ok()?);
    (parts.next().is_none() && (1..=31).contains(&day) && year <= 9999)
        .then_some((year, month, day))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_the_layout_become_rfc_3339() {
        let cases = [
            ("2:40 pm on 3 March, 2026", "2026-03-03T14:40:00Z"),
            ("12:25 am on 4 March, 2026", "2026-03-04T00:25:00Z"),
            ("12:30 PM on 1 January 2024", "2024-01-01T12:30:00Z"),
        ];
        for (text, expected) in cases {
            assert_eq!(to_rfc3339(text).as_deref(), Some(expected));
        }
    }

    #[test]
    fn what_is_no_date_gives_nothing() {
        for text in [
            "",
            "yesterday",
            "13:00 pm on 3 March, 2026",
            "1:00 pm on 8 Mäy, 2023",
            "1:00 pm on May",
        ] {
            assert_eq!(to_rfc3339(text), None, "{text}");
        }
    }
}
