use std::convert::Infallible;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::format::as_text;
use crate::issue::{Issue, IssueCode};

/// The id a project has in the system that owns it: opaque text, used byte for byte.
///
/// Nothing is trimmed, normalised, case-folded or read as a number: `007`, `1E5` and ` a/b ` are three ids.
///
/// ```
/// use cor_core::ExternalId;
/// assert_eq!(ExternalId::new("a/b c")?.path_segment(), "a%2Fb%20c");
/// assert!(ExternalId::new("").is_err());
/// # Ok::<(), cor_core::Issue>(())
/// ```
///
/// Through serde it is this text in every format; what is no external id is refused when it is read, and so is a number.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExternalId(String);

impl ExternalId {
    /// # Errors
    /// An [`Issue`] for an id that cannot be part of an address: empty, with a NUL, `.` or `..` (URL
    /// libraries fold those into another path, even when they are percent-encoded).
    pub fn new(id: impl Into<String>) -> Result<ExternalId, Issue> {
        let id = id.into();
        match ExternalId::problem(&id) {
            Some(issue) => Err(issue),
            None => Ok(ExternalId(id)),
        }
    }

    /// What keeps `id` from being an external id, if anything does.
    pub fn problem(id: &str) -> Option<Issue> {
        let (code, message) = match id {
            "" => {
                (IssueCode::Required, "is empty; pass the id that the project has in its source".to_owned())
            }
            "." | ".." => (
                IssueCode::NotAddressable,
                format!("{id:?} cannot be an external id, because a URL with it leads to another path"),
            ),
            _ if id.contains('\0') => (IssueCode::NotAddressable, "contains a NUL character".to_owned()),
            _ => return None,
        };
        Some(Issue::new("id", code, message))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id as one percent-encoded path segment (RFC 3986): everything but the unreserved characters is encoded.
    pub fn path_segment(&self) -> String {
        let mut out = Vec::with_capacity(self.0.len() + 8);
        write_segment(&mut out, &self.0);
        // Only ASCII was written.
        String::from_utf8(out).unwrap_or_default()
    }

    /// Appends [`path_segment`](ExternalId::path_segment) to `out`.
    pub fn write_path_segment(&self, out: &mut Vec<u8>) {
        write_segment(out, &self.0);
    }
}

fn write_segment(out: &mut Vec<u8>, text: &str) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for &byte in text.as_bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(byte);
        } else {
            out.extend([b'%', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
        }
    }
}

impl AsRef<str> for ExternalId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ExternalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

as_text!(ExternalId, "an external id as text", |text| ExternalId::new(text));

/// The system that owns the project, as COR names it. The twelve that COR documents are constants; any other
/// non-empty text is sent, because COR does not document whether its list is closed.
/// Through serde it is this text in every format.
#[derive(Clone)]
pub struct Source(Text);

#[derive(Clone)]
enum Text {
    Known(&'static str),
    Other(Arc<str>),
}

macro_rules! sources {
    ($($name:ident),*) => {
        impl Source {
            $(#[doc = concat!("`", stringify!($name), "`")]
            pub const $name: Source = Source(Text::Known(stringify!($name)));)*

            /// The sources COR documents.
            pub const KNOWN: &'static [Source] = &[$(Source::$name),*];
        }
    };
}
sources!(
    JIRA,
    SALESFORCE,
    ADVERTMIND,
    QUICKBOOKS,
    ZAPIER,
    OKTA,
    MICROSOFT_DYNAMICS,
    GITHUB,
    MICROSOFT_TEAMS,
    VBS,
    SAP,
    GLOBANT
);

impl Source {
    /// The source of this name.
    pub fn new(name: &str) -> Source {
        let known = Source::KNOWN.iter().find(|known| known.as_str() == name);
        known.cloned().unwrap_or_else(|| Source(Text::Other(name.into())))
    }

    /// The documented source that this one is probably meant to be: the same but for case and punctuation, or a letter or two.
    /// `None` for a documented source, and for a name that resembles none.
    ///
    /// ```
    /// use cor_core::Source;
    /// assert_eq!(Source::new("Salesforce").documented_spelling(), Some(Source::SALESFORCE));
    /// assert_eq!(Source::new("microsoft-dynamics").documented_spelling(), Some(Source::MICROSOFT_DYNAMICS));
    /// assert_eq!(Source::new("HUBSPOT").documented_spelling(), None);
    /// ```
    pub fn documented_spelling(&self) -> Option<Source> {
        let name = folded(self.as_str());
        let resembles = |known: &&Source| {
            let known = folded(known.as_str());
            let distance = strsim::damerau_levenshtein(&known, &name);
            // Short names differ by a letter and are others.
            distance == 0 || distance <= known.len() / 4 && known.len() > 4
        };
        match self.0 {
            Text::Known(_) => None,
            Text::Other(_) => Source::KNOWN.iter().find(resembles).cloned(),
        }
    }

    /// Whether two sources differ in case and punctuation alone.
    pub fn is_spelling_of(&self, other: &Source) -> bool {
        self != other && folded(self.as_str()) == folded(other.as_str())
    }

    /// The name as COR gets it.
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Text::Known(name) => name,
            Text::Other(name) => name,
        }
    }
}

/// The letters and digits of a name, in small letters.
fn folded(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

impl From<&str> for Source {
    fn from(name: &str) -> Self {
        Source::new(name)
    }
}

impl From<String> for Source {
    fn from(name: String) -> Self {
        Source::new(&name)
    }
}

impl AsRef<str> for Source {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl PartialEq for Source {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Source {}

impl Hash for Source {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.as_str())
    }
}

as_text!(Source, "a source as text", |text| Ok::<_, Infallible>(Source::new(text)));

/// How a project earns. The four that COR documents, and an explicit way past them.
///
/// Two are equal when COR gets the same word: `Other("fee")` is `Fee`. Through serde it is this name in every format, and
/// a word that is not documented is read as [`Other`](IncomeType::Other).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum IncomeType {
    /// `fee`
    Fee,
    /// `one_time`
    OneTime,
    /// `hourly_rate`
    HourlyRate,
    /// `contract`
    Contract,
    /// A value that this library does not know, sent unchanged.
    Other(String),
}

impl IncomeType {
    /// The documented type of this name.
    pub fn known(name: &str) -> Option<IncomeType> {
        match name {
            "fee" => Some(IncomeType::Fee),
            "one_time" => Some(IncomeType::OneTime),
            "hourly_rate" => Some(IncomeType::HourlyRate),
            "contract" => Some(IncomeType::Contract),
            _ => None,
        }
    }

    /// The name on the wire.
    pub fn as_str(&self) -> &str {
        match self {
            IncomeType::Fee => "fee",
            IncomeType::OneTime => "one_time",
            IncomeType::HourlyRate => "hourly_rate",
            IncomeType::Contract => "contract",
            IncomeType::Other(name) => name,
        }
    }
}

impl From<&str> for IncomeType {
    fn from(name: &str) -> Self {
        IncomeType::known(name).unwrap_or_else(|| IncomeType::Other(name.to_owned()))
    }
}

impl PartialEq for IncomeType {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for IncomeType {}

impl Hash for IncomeType {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

as_text!(IncomeType, "an income type as text", |text| Ok::<_, Infallible>(IncomeType::from(text)));

impl fmt::Display for IncomeType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn external_ids_are_opaque() {
        for (id, segment) in [
            ("SF-OPP-12345", "SF-OPP-12345"),
            ("007", "007"),
            ("1E5", "1E5"),
            ("12345678901234567", "12345678901234567"),
            (" a ", "%20a%20"),
            ("a/b?c#d%", "a%2Fb%3Fc%23d%25"),
            ("...", "..."),
            ("é", "%C3%A9"),
            ("e\u{301}", "e%CC%81"),
            ("\n", "%0A"),
        ] {
            assert_eq!(ExternalId::new(id).map(|id| id.path_segment()).as_deref(), Ok(segment));
        }
        for bad in ["", ".", "..", "a\0b"] {
            assert!(ExternalId::new(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn knows_twelve_sources_and_accepts_others() {
        assert_eq!(Source::KNOWN.len(), 12);
        assert_eq!(Source::new("SALESFORCE"), Source::SALESFORCE);
        assert_eq!(Source::new("HUBSPOT").as_str(), "HUBSPOT");
        assert_ne!(Source::new("salesforce"), Source::SALESFORCE);
        for (name, known) in [
            ("SALESFORCE", None),
            ("Sales Force", Some("SALESFORCE")),
            ("SALEFSORCE", Some("SALESFORCE")),
            ("QUICK-BOOK", Some("QUICKBOOKS")),
            ("sap", Some("SAP")),
            ("SAPO", None),
            ("GITLAB", None),
            ("", None),
        ] {
            let found = Source::new(name).documented_spelling();
            assert_eq!(found.as_ref().map(Source::as_str), known, "{name}");
        }
        assert!(Source::new("Sap").is_spelling_of(&Source::SAP) && !Source::SAP.is_spelling_of(&Source::SAP));
    }

    proptest! {
        #[test]
        fn segments_decode_to_same_bytes(id in "[^\0]{1,40}") {
            prop_assume!(id != "." && id != "..");
            let segment = ExternalId::new(id.as_str()).unwrap().path_segment();
            prop_assert!(segment.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~%".contains(&b)));
            let mut decoded = Vec::new();
            let mut rest = segment.as_bytes();
            while let [first, tail @ ..] = rest {
                if *first == b'%' {
                    decoded.push(u8::from_str_radix(std::str::from_utf8(&tail[..2]).unwrap(), 16).unwrap());
                    rest = &tail[2..];
                } else {
                    decoded.push(*first);
                    rest = tail;
                }
            }
            prop_assert_eq!(decoded, id.as_bytes());
        }
    }
}
