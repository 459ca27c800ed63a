//! External ids that a spreadsheet or a data frame has rewritten, or that stand for none.

use std::fmt;

/// How an external id, or the id of a client or person, shows that a spreadsheet or a data frame rewrote it on its way.
///
/// Such an id can be right: COR takes any text. But mostly it is the id of no project, or of several, so tables that hold
/// such ids are warned about, and no project is created under one unless that is asked for.
///
/// ```
/// use cor_core::MangledId;
/// assert_eq!(MangledId::of("9.91214E+15"), Some(MangledId::Scientific));
/// assert_eq!(MangledId::of("1001.0"), Some(MangledId::Fraction));
/// assert_eq!(MangledId::of("OPP-7\u{a0}"), Some(MangledId::Blanks));
/// assert_eq!(MangledId::of("#N/A"), Some(MangledId::NoValue));
/// assert_eq!(MangledId::of("1E5"), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum MangledId {
    /// `9.91214E+15`: a spreadsheet shortened a long number, and digits are lost.
    Scientific,
    /// `1001.0`: a data frame or a spreadsheet read an integer as a number with a fraction.
    Fraction,
    /// Blanks around the id, or blanks in it that are invisible or look like others.
    Blanks,
    /// `#N/A`, `NULL`: a word that stands for no value, where a formula or an export found no id.
    NoValue,
}

/// What spreadsheets, databases and languages write where there is no value. Capitals count in those that may be a short code.
const NO_VALUE: &[&str] = &[
    "null",
    "(null)",
    "<null>",
    "\\N",
    "none",
    "<na>",
    "n/a",
    "#n/a",
    "undefined",
    "#ref!",
    "#name?",
    "#value!",
    "#null!",
    "#num!",
    "#div/0!",
    "-",
    "--",
];
const NO_VALUE_AS_WRITTEN: &[&str] = &["nan", "NaN", "NaT", "nil"];

impl MangledId {
    /// How `id` was rewritten; `None` if it shows no sign of it.
    pub fn of(id: &str) -> Option<MangledId> {
        let unseen = |c: char| is_blank(c) && c != ' ';
        // Nearly all ids are of visible ASCII characters, among which no blank needs to be looked for.
        let is_visible = id.bytes().all(|byte| byte.is_ascii_graphic());
        if !is_visible && (id.starts_with(is_blank) || id.ends_with(is_blank) || id.contains(unseen)) {
            return Some(MangledId::Blanks);
        }
        if is_no_value(id) {
            return Some(MangledId::NoValue);
        }
        let unsigned = id.strip_prefix('-').unwrap_or(id);
        let (digits, exponent) = match unsigned.split_once(['E', 'e']) {
            Some((digits, exponent)) => (digits, Some(exponent)),
            None => (unsigned, None),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number(whole) || !(fraction.is_empty() || is_number(fraction)) {
            return None;
        }
        match exponent {
            // Without a sign it is an id such as `1E5`, which systems do have.
            Some(exponent) => exponent
                .strip_prefix(['+', '-'])
                .filter(|digits| is_number(digits))
                .map(|_| MangledId::Scientific),
            None => (!fraction.is_empty() && fraction.bytes().all(|digit| digit == b'0'))
                .then_some(MangledId::Fraction),
        }
    }

    /// The stable name: `scientific`, `fraction`, `blanks`, `no_value`.
    pub const fn as_str(self) -> &'static str {
        match self {
            MangledId::Scientific => "scientific",
            MangledId::Fraction => "fraction",
            MangledId::Blanks => "blanks",
            MangledId::NoValue => "no_value",
        }
    }
}

/// What happened to the id, as in "the id looks like …".
impl fmt::Display for MangledId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            MangledId::Scientific => "a long number that a spreadsheet shortened",
            MangledId::Fraction => "an integer that was read as a number with a fraction",
            MangledId::Blanks => "an id with blanks around it, or with blanks that cannot be seen",
            MangledId::NoValue => "a word that stands for no value",
        })
    }
}

/// Whether a text is one of the words that [`MangledId::NoValue`] is about.
///
/// ```
/// assert!(cor_core::is_no_value("#N/A"));
/// assert!(!cor_core::is_no_value("NAN"), "a short code may be in capitals");
/// ```
pub fn is_no_value(text: &str) -> bool {
    text.len() <= 9
        && (NO_VALUE.iter().any(|word| word.eq_ignore_ascii_case(text))
            || NO_VALUE_AS_WRITTEN.contains(&text))
}

/// Whether a character is a blank, or nothing that is seen at all.
pub fn is_blank(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_rewritten_by_spreadsheets_are_recognised() {
        for (id, kind) in [
            ("9.91214E+15", Some(MangledId::Scientific)),
            ("1e+16", Some(MangledId::Scientific)),
            ("-1.5e-07", Some(MangledId::Scientific)),
            ("1001.0", Some(MangledId::Fraction)),
            ("25855.00", Some(MangledId::Fraction)),
            (" 7", Some(MangledId::Blanks)),
            ("7\t", Some(MangledId::Blanks)),
            ("A\u{a0}7", Some(MangledId::Blanks)),
            ("A\u{200b}7", Some(MangledId::Blanks)),
            ("#N/A", Some(MangledId::NoValue)),
            ("--", Some(MangledId::NoValue)),
            ("Null", Some(MangledId::NoValue)),
            ("NaT", Some(MangledId::NoValue)),
            ("NAT", None),
            ("NIL", None),
            ("NULL-7", None),
            ("", None),
            ("007", None),
            ("1E5", None),
            ("1.2", None),
            ("1.2.0", None),
            ("1.", None),
            (".0", None),
            ("E+15", None),
            ("2E+1x", None),
            ("SF-OPP 12345", None),
        ] {
            assert_eq!(MangledId::of(id), kind, "{id:?}");
        }
    }
}
