//! Foreign text and numbers on their way into messages.

use cor_http::is_blank;

/// Foreign text for a line on a terminal: control characters replaced.
pub fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// A count for people: `14277` as `14,277`.
pub fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The text without the blanks around it: spaces, unbreakable ones and those of no width.
pub(crate) fn trimmed(text: &str) -> &str {
    text.trim_matches(is_blank)
}

/// Whether two names of columns are one to people: case, the blanks around them and the kind of blank do not count.
pub(crate) fn is_same_name(a: &str, b: &str) -> bool {
    a == b || folded(a).eq(folded(b))
}

fn folded(name: &str) -> impl Iterator<Item = char> + '_ {
    trimmed(name).chars().map(|c| if is_blank(c) { ' ' } else { c }).flat_map(char::to_lowercase)
}

/// The name without what does not count in [`is_same_name`].
pub(crate) fn folded_name(name: &str) -> String {
    folded(name).collect()
}

/// The name among `names` that looks most like `name`, if one does.
pub(crate) fn nearest<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let folded = name.to_lowercase();
    names
        .map(|known| (strsim::jaro_winkler(&folded, &known.to_lowercase()), known))
        .filter(|(score, _)| *score >= 0.8)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, known)| known)
}

/// "did you mean …?" where a name is near enough, else all of them.
pub(crate) fn meant<'a>(name: &str, what: &str, names: impl Iterator<Item = &'a str> + Clone) -> String {
    match nearest(name, names.clone()) {
        Some(near) => format!("did you mean {near:?}?"),
        None => format!("{what} are {}", listed(names)),
    }
}

/// Names in one line.
pub(crate) fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.map(brief).collect::<Vec<_>>().join(", ")
}

/// A name as messages show it: a header that is none may have names of any length.
pub(crate) fn brief(name: &str) -> String {
    const MOST: usize = 100;
    match name.char_indices().nth(MOST) {
        None => plain(name),
        Some((cut, _)) => format!("{}…", plain(&name[..cut])),
    }
}

/// A value as it is quoted in messages: escaped, and short enough to stay on a line.
pub(crate) fn quoted(value: &str) -> String {
    const MOST: usize = 60;
    match value.char_indices().nth(MOST) {
        None => format!("{value:?}"),
        Some((cut, _)) => format!("{:?}…", &value[..cut]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_three_digits() {
        let cases = [(0, "0"), (999, "999"), (1000, "1,000"), (14277, "14,277"), (1234567, "1,234,567")];
        for (n, text) in cases {
            assert_eq!(grouped(n), text);
        }
    }
}
