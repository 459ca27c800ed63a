//! HTML that cannot forget to escape: markup is what stands in this program's text, all else is escaped.

/// What is stored may be a megabyte long; this many characters of a value are shown.
const LONGEST: usize = 160;

/// A page in the making.
#[derive(Debug, Default)]
pub(crate) struct Html(String);

impl Html {
    /// Markup. Only what is written in the program itself is `'static`, so nothing that came from outside fits here.
    pub(crate) fn raw(&mut self, markup: &'static str) -> &mut Self {
        self.0.push_str(markup);
        self
    }

    /// Text, also as the value of a quoted attribute.
    pub(crate) fn text(&mut self, text: &str) -> &mut Self {
        for character in text.chars() {
            match character {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                '\n' | '\t' => self.0.push(character),
                // HTML has no way to write control characters, and direction marks could make text read as another.
                control if control.is_control() || ('\u{202A}'..='\u{202E}').contains(&control) => {
                    self.0.push('\u{FFFD}')
                }
                other => self.0.push(other),
            }
        }
        self
    }

    /// Text as far as it fits at a glance.
    pub(crate) fn short(&mut self, text: &str) -> &mut Self {
        match text.char_indices().nth(LONGEST) {
            Some((end, _)) => self.text(&text[..end]).raw("\u{2026}"),
            None => self.text(text),
        }
    }

    /// Text as the value of a parameter in a link; the beginning of it, if it is long.
    pub(crate) fn query(&mut self, value: &str) -> &mut Self {
        let end = value.char_indices().nth(LONGEST).map_or(value.len(), |(end, _)| end);
        for byte in value[..end].bytes() {
            match byte {
                b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'_' | b'.' => self.0.push(char::from(byte)),
                _ => self.0.push_str(&format!("%{byte:02X}")),
            }
        }
        self
    }

    pub(crate) fn finish(self) -> String {
        self.0
    }
}

/// A number for people: thousands set apart by a narrow space. Anything unusual stays as it is, or is cut if it is
/// longer than any column.
pub(crate) fn grouped(number: &str) -> String {
    const LONGEST: usize = 30;
    if number.len() > LONGEST {
        return format!("{}\u{2026}", &number[..LONGEST]);
    }
    let (sign, digits) = number.strip_prefix('-').map_or(("", number), |rest| ("\u{2212}", rest));
    let (whole, fraction) =
        digits.split_once('.').map_or((digits, None), |(whole, fraction)| (whole, Some(fraction)));
    if !digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return number.to_owned();
    }
    let mut out = String::from(sign);
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index) % 3 == 0 {
            out.push('\u{202F}');
        }
        out.push(digit);
    }
    if let Some(fraction) = fraction {
        out.push('.');
        out.push_str(fraction);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_text_as_html() {
        let mut html = Html::default();
        html.raw("<b title=\"").text("\"><script>'&").raw("\">").text("a\u{0}\u{202E}b").raw("</b>");
        assert_eq!(html.finish(), "<b title=\"&quot;&gt;&lt;script&gt;&#39;&amp;\">a\u{FFFD}\u{FFFD}b</b>");
    }

    #[test]
    fn groups_thousands() {
        for (number, shown) in [
            ("0", "0"),
            ("250", "250"),
            ("18000.10", "18\u{202F}000.10"),
            ("-1234567", "\u{2212}1\u{202F}234\u{202F}567"),
            ("1e5", "1e5"),
            ("-1.5E-3", "-1.5E-3"),
        ] {
            assert_eq!(grouped(number), shown);
        }
    }
}
