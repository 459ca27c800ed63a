//! What the texts of a column show about how days and numbers are written in it, where the rules do not read them. It is
//! suggested and never applied: `04/05/2025` alone is April or May.

use cor_http::FieldType;
use jiff::civil::Date;
use jiff::fmt::strtime;

use super::cells::NumberFormat;
use crate::text::trimmed;

/// Days in figures, each with `/`, `.` and `-` between the parts.
const ORDERS: [&str; 6] = ["%d/%m/%Y", "%m/%d/%Y", "%Y/%m/%d", "%d/%m/%y", "%m/%d/%y", "%y/%m/%d"];
const SEPARATORS: [char; 3] = ['/', '.', '-'];
/// Other ways to write days. No text is a day in two of them.
const OTHERS: [&str; 5] = ["%d %b %Y", "%d-%b-%Y", "%d-%b-%y", "%b %d, %Y", "%Y%m%d"];
/// The decimal sign and the separator of thousands.
const NUMBERS: [(char, Option<char>); 8] = [
    (',', None),
    ('.', Some(',')),
    (',', Some('.')),
    (',', Some(' ')),
    ('.', Some(' ')),
    (',', Some('\'')),
    ('.', Some('\'')),
    ('.', None),
];

/// The ways to write values that all texts of a column so far may be written in, as a set of bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FormatEvidence {
    Days(u32),
    Numbers(u32),
}

impl FormatEvidence {
    /// What this text alone shows; `None` where it is written as the field takes it, or in no way that is known.
    pub(crate) fn of(kind: FieldType, text: &str) -> Option<FormatEvidence> {
        let text = trimmed(text);
        let evidence = match kind {
            FieldType::Date if text.len() <= 20 && !is_plain_day(text) => FormatEvidence::Days(days(text)),
            FieldType::Number if text.len() <= 40 => FormatEvidence::Numbers(numbers(text)),
            _ => return None,
        };
        let (FormatEvidence::Days(bits) | FormatEvidence::Numbers(bits)) = evidence;
        (bits != 0).then_some(evidence)
    }

    /// What both show; nothing is left where no format reads both.
    pub(crate) fn and(self, other: FormatEvidence) -> FormatEvidence {
        match (self, other) {
            (FormatEvidence::Days(a), FormatEvidence::Days(b)) => FormatEvidence::Days(a & b),
            (FormatEvidence::Numbers(a), FormatEvidence::Numbers(b)) => FormatEvidence::Numbers(a & b),
            // A column that sets a day and a number cannot be written as both.
            _ => FormatEvidence::Days(0),
        }
    }

    /// What is left if other values of the column were read as they are: no format of days, and numbers with a decimal point.
    pub(crate) fn beside_read_values(self) -> FormatEvidence {
        match self {
            FormatEvidence::Days(_) => FormatEvidence::Days(0),
            FormatEvidence::Numbers(bits) => {
                let points = NUMBERS.iter().enumerate().filter(|(_, (decimal, _))| *decimal == '.');
                FormatEvidence::Numbers(points.fold(0, |left, (bit, _)| left | bits & (1 << bit)))
            }
        }
    }

    /// The ways to write numbers in which this text is one, a plain one included; `None` where there is none.
    pub(crate) fn of_number(text: &str) -> Option<FormatEvidence> {
        let text = trimmed(text);
        let bits = if text.len() <= 40 { number_bits(text) } else { 0 };
        (bits != 0).then_some(FormatEvidence::Numbers(bits))
    }

    /// The decimal signs and the separators of thousands that are left.
    pub(crate) fn possible_numbers(self) -> Vec<(char, Option<char>)> {
        match self {
            FormatEvidence::Numbers(bits) => number_formats(bits).collect(),
            FormatEvidence::Days(_) => Vec::new(),
        }
    }

    /// The options that read the texts, where they show it for certain.
    pub(crate) fn certain(self) -> Option<Vec<(&'static str, String)>> {
        match self {
            FormatEvidence::Days(bits) if bits.count_ones() == 1 => {
                Some(vec![("date_format", date_format(bits.trailing_zeros()))])
            }
            FormatEvidence::Numbers(bits) if bits != 0 => {
                let found: Vec<_> = number_formats(bits).collect();
                let (decimal, thousands) = found[0];
                let decimals = found.iter().all(|format| format.0 == decimal);
                let separators = found.iter().all(|format| format.1 == thousands);
                let mut options = Vec::new();
                if decimals && decimal != '.' {
                    options.push(("decimal", decimal.to_string()));
                }
                // Of several only those with the same decimal sign need no separator, which then is the first.
                if let Some(thousands) = thousands.filter(|_| separators) {
                    options.push(("thousands", thousands.to_string()));
                }
                ((decimals || separators) && !options.is_empty()).then_some(options)
            }
            _ => None,
        }
    }

    /// The formats of days that are left where there are several.
    pub(crate) fn possible_days(self) -> Vec<String> {
        match self {
            FormatEvidence::Days(bits) if bits.count_ones() > 1 => {
                (0..32).filter(|bit| bits & (1 << bit) != 0).map(date_format).collect()
            }
            _ => Vec::new(),
        }
    }
}

fn number_formats(bits: u32) -> impl Iterator<Item = (char, Option<char>)> {
    NUMBERS.into_iter().enumerate().filter(move |(bit, _)| bits & (1 << bit) != 0).map(|(_, format)| format)
}

fn date_format(bit: u32) -> String {
    let bit = bit as usize;
    let figures = ORDERS.len() * SEPARATORS.len();
    match bit.checked_sub(figures) {
        Some(other) => OTHERS[other].to_owned(),
        None => {
            ORDERS[bit % ORDERS.len()].replace('/', SEPARATORS[bit / ORDERS.len()].encode_utf8(&mut [0; 4]))
        }
    }
}

fn is_plain_day(text: &str) -> bool {
    let text = text.as_bytes();
    text.len() == 10
        && text.iter().enumerate().all(|(at, byte)| match at {
            4 | 7 => *byte == b'-',
            _ => byte.is_ascii_digit(),
        })
}

fn days(text: &str) -> u32 {
    let mut bits = 0;
    for (at, separator) in SEPARATORS.into_iter().enumerate() {
        let parts: Vec<&str> = text.split(separator).collect();
        let [a, b, c] = parts[..] else { continue };
        for (order, format) in ORDERS.into_iter().enumerate() {
            let (year, month, day) = match &format[..2] {
                "%Y" | "%y" => (a, b, c),
                "%m" => (c, a, b),
                _ => (c, b, a),
            };
            let digits = if format.contains("%Y") { 4 } else { 2 };
            if is_day(year, digits, month, day) {
                bits |= 1 << (at * ORDERS.len() + order);
            }
        }
    }
    for (at, format) in OTHERS.into_iter().enumerate() {
        let day = strtime::parse(format, text).and_then(|parts| parts.to_date());
        if day.is_ok_and(|day| (1900..2200).contains(&day.year())) {
            bits |= 1 << (ORDERS.len() * SEPARATORS.len() + at);
        }
    }
    bits
}

fn is_day(year: &str, digits: usize, month: &str, day: &str) -> bool {
    let figures = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let short = |text: &str| (1..=2).contains(&text.len()) && figures(text);
    if year.len() != digits || !figures(year) || !short(month) || !short(day) {
        return false;
    }
    let (Ok(year), Ok(month), Ok(day)) = (year.parse::<i16>(), month.parse(), day.parse()) else {
        return false;
    };
    let year = match (digits, year) {
        (2, 69..) => 1900 + year,
        (2, _) => 2000 + year,
        _ => year,
    };
    year >= 1000 && Date::new(year, month, day).is_ok()
}

fn numbers(text: &str) -> u32 {
    let plain = 1 << (NUMBERS.len() - 1);
    let bits = number_bits(text);
    if bits & plain != 0 { 0 } else { bits }
}

fn number_bits(text: &str) -> u32 {
    let reads = |(decimal, thousands): (char, Option<char>)| {
        NumberFormat { decimal: Some(decimal), thousands }.reads(text)
    };
    let formats = || NUMBERS.into_iter().enumerate();
    formats().filter(|(_, format)| reads(*format)).fold(0, |bits, (bit, _)| bits | 1 << bit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(kind: FieldType, texts: &[&str]) -> String {
        let evidence = texts.iter().map(|text| FormatEvidence::of(kind, text)).collect::<Option<Vec<_>>>();
        let Some(evidence) = evidence else { return "nothing".to_owned() };
        let both = evidence.into_iter().reduce(FormatEvidence::and).unwrap();
        match both.certain() {
            Some(options) => {
                options.iter().map(|(name, value)| format!("{name} {value}")).collect::<Vec<_>>().join(", ")
            }
            None => both.possible_days().join(" or "),
        }
    }

    #[test]
    fn column_shows_how_its_days_are_written() {
        for (texts, expected) in [
            (&["15/04/2025"][..], "date_format %d/%m/%Y"),
            (&["04/15/2025"], "date_format %m/%d/%Y"),
            (&["04/05/2025"], "%d/%m/%Y or %m/%d/%Y"),
            (&["04/05/2025", "4/30/2025"], "date_format %m/%d/%Y"),
            (&["04/05/2025", "15/04/2025"], "date_format %d/%m/%Y"),
            (&["04/15/2025", "15/04/2025"], ""),
            (&["30.04.25", "28.04.31"], "date_format %d.%m.%y"),
            (&["15.04.25"], "%d.%m.%y or %y.%m.%d"),
            (&["2025/4/5"], "date_format %Y/%m/%d"),
            (&["2025-4-5"], "date_format %Y-%m-%d"),
            (&["3 Mar 2025"], "date_format %d %b %Y"),
            (&["20250415"], "date_format %Y%m%d"),
            (&["2025-04-15"], "nothing"),
            (&["31/02/2025"], "nothing"),
            (&["45808"], "nothing"),
            (&["soon"], "nothing"),
        ] {
            assert_eq!(shown(FieldType::Date, texts), expected, "{texts:?}");
        }
    }

    #[test]
    fn column_shows_how_its_numbers_are_written() {
        for (texts, expected) in [
            (&["18000,10"][..], "decimal ,"),
            (&["1.234,50"], "decimal ,, thousands ."),
            (&["1,234.50"], "thousands ,"),
            (&["1,234,567"], "thousands ,"),
            (&["1,234"], ""),
            (&["1,234", "7,5"], "decimal ,"),
            (&["1,234", "1,234.5"], "thousands ,"),
            (&["1 234"], "thousands  "),
            (&["1 234", "7,5"], "decimal ,, thousands  "),
            (&["1.234.567"], "decimal ,, thousands ."),
            (&["1.234"], "nothing"),
            (&["250"], "nothing"),
            (&["12 €"], "nothing"),
        ] {
            assert_eq!(shown(FieldType::Number, texts), expected, "{texts:?}");
        }
    }
}
