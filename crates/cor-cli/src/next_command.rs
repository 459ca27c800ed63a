//! The command to type next, with the arguments of this one.

use std::ffi::OsString;

/// The arguments as they were typed, the program's name first.
pub(crate) struct TypedCommand<'a>(pub(crate) &'a [OsString]);

impl TypedCommand<'_> {
    /// The same command with `cor projects NEW` in place of `cor projects VERB`, and without the flag `without`. `None` where it
    /// cannot be typed as one line.
    pub(crate) fn with_verb(&self, verb: &str, new: &str, without: &str) -> Option<String> {
        let mut words: Vec<&str> =
            self.0.iter().skip(1).map(|word| word.to_str()).collect::<Option<Vec<_>>>()?;
        let group = words.iter().position(|word| *word == "projects")?;
        let at = group + words[group..].iter().position(|word| *word == verb)?;
        words[at] = new;
        words.retain(|word| *word != without);
        let is_typed = |word: &&str| !word.chars().any(char::is_control);
        words.iter().all(is_typed).then(|| command_line(words))
    }
}

/// A command of `cor` with these arguments.
pub(crate) fn command_line<'w>(words: impl IntoIterator<Item = &'w str>) -> String {
    let words = words.into_iter().map(quoted);
    std::iter::once("cor".to_owned()).chain(words).collect::<Vec<_>>().join(" ")
}

/// A word as a shell reads it.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "-_./:=,@%+".contains(c);
    match !word.is_empty() && word.chars().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_verb_alone_and_quotes_every_word() {
        let typed = [
            "/usr/bin/cor",
            "-v",
            "projects",
            "plan",
            "a plan's.csv",
            "--map",
            "Close date=end",
            "--dry-run",
        ];
        let typed: Vec<OsString> = typed.into_iter().map(OsString::from).collect();
        let command = TypedCommand(&typed).with_verb("plan", "sync", "--dry-run");
        let expected = r"cor -v projects sync 'a plan'\''s.csv' --map 'Close date=end'";
        assert_eq!(command.as_deref(), Some(expected));
        assert_eq!(TypedCommand(&typed[..1]).with_verb("plan", "sync", ""), None);
        let typed: Vec<OsString> = ["cor", "projects", "plan", "a\n.csv"].map(OsString::from).into();
        assert_eq!(TypedCommand(&typed).with_verb("plan", "sync", ""), None);
    }
}
