//! How the days and numbers of a column are written, as far as its cells show it.

use std::collections::BTreeSet;

use cor_http::{Date, Field, FieldInput, FieldType};
use jiff::tz::{TimeZone, offset};

use super::evidence::{Fit, example_of};
use super::sample::{SampleColumn, text_of};
use super::toml_text::{counted, example};
use super::trial::Trial;
use super::{Choice, Decision, Setting};
use crate::mapping::cells::{DateFormat, NumberFormat};
use crate::mapping::{DayIn, FormatEvidence};
use crate::text::trimmed;

/// The cells of a column as days.
pub(super) fn days(trial: &Trial, field: Field, column: &SampleColumn) -> Fit {
    let mut fit = Fit::new("days");
    let (mut plain, mut timestamps): (u64, Vec<&FieldInput>) = (0, Vec::new());
    let mut written: Vec<&str> = Vec::new();
    let mut evidence: Option<FormatEvidence> = None;
    for cell in &column.cells {
        let text = text_of(cell).map(trimmed);
        if trial.takes(field, cell, &mut fit.trim) {
            plain += 1;
        } else if trial.day(field, cell, DayIn::AsWritten).is_some() {
            timestamps.push(cell);
        } else if let Some((text, shown)) =
            text.and_then(|text| Some((text, FormatEvidence::of(FieldType::Date, text)?)))
        {
            fit.trim |= text_of(cell) != Some(text);
            written.push(text);
            evidence = Some(evidence.map_or(shown, |before| before.and(shown)));
        } else {
            fit.refuse(cell);
            continue;
        }
        fit.take(cell);
    }
    let Some(evidence) = evidence else {
        if let Some(first) = timestamps.first() {
            time_zone(trial, field, first, &timestamps, &mut fit);
        }
        return fit;
    };
    let formats = match evidence.certain() {
        Some(options) => options.into_iter().map(|(_, format)| format).collect(),
        None => evidence.possible_days(),
    };
    match formats.as_slice() {
        [] => fit.decide(Decision::open(format!(
            "the days are written in several ways, such as {}; write them in one way in the table",
            different_forms(&written)
        ))),
        _ if plain > 0 || !timestamps.is_empty() => fit.decide(Decision::open(format!(
            "days like {} ({} of {} cells) stand beside days in another form; write them in one way in the table",
            example(written[0]),
            written.len(),
            column.filled()
        ))),
        [format] => fit.settings.push(Setting::text("date", format)),
        formats => ambiguous_days(field, formats, &written, &mut fit),
    }
    fit
}

/// Proposes the day that is written where a timestamp has no time zone; else the zone is to be decided.
fn time_zone(trial: &Trial, field: Field, first: &FieldInput, timestamps: &[&FieldInput], fit: &mut Fit) {
    let first = example_of(first);
    // Where the easternmost and the westernmost zone give the written day, every zone does.
    let zones = [DayIn::Zone(TimeZone::fixed(offset(14))), DayIn::Zone(TimeZone::fixed(offset(-12)))];
    let is_same_everywhere = timestamps.iter().all(|cell| {
        let written = trial.day(field, cell, DayIn::AsWritten);
        zones.iter().all(|zone| trial.day(field, cell, zone.clone()) == written)
    });
    if is_same_everywhere {
        fit.settings.push(Setting::text("day_in", "as_written"));
        fit.remarks.push(format!(
            "a time of day as in {first} ({}) is not sent; every time zone gives the written day",
            counted(timestamps.len() as u64)
        ));
        return;
    }
    let choice = |zone: &str, reading: &str| Choice {
        settings: vec![Setting::text("day_in", zone)],
        reading: reading.to_owned(),
    };
    fit.decide(Decision {
        question: format!(
            "timestamps like {first} ({}) have a time zone; which zone's day counts?",
            counted(timestamps.len() as u64)
        ),
        choices: vec![
            choice("UTC", "the day in UTC; or another zone, such as Europe/Madrid"),
            choice("as_written", "the day as it is written"),
        ],
        words: Vec::new(),
        holds_back: false,
    });
}

/// Cells of different forms: figures do not count.
fn different_forms(texts: &[&str]) -> String {
    let mut forms = BTreeSet::new();
    let is_new = |text: &&&str| {
        let form: String = text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
        forms.insert(form)
    };
    texts.iter().filter(is_new).take(3).map(|text| example(text)).collect::<Vec<_>>().join(", ")
}

fn ambiguous_days(field: Field, formats: &[String], written: &[&str], fit: &mut Fit) {
    let read = |format: &str, text: &str| -> Option<Date> {
        DateFormat::new(format).ok()?.read(field, text, None).ok()
    };
    let readings = |text: &str| formats.iter().map(|format| read(format, text)).collect::<Vec<_>>();
    let differs = |text: &&&str| readings(text).windows(2).any(|pair| pair[0] != pair[1]);
    let shown = written.iter().find(differs).unwrap_or(&written[0]);
    let choices = formats.iter().filter_map(|format| {
        let day = read(format, shown)?;
        Some(Choice {
            settings: vec![Setting::text("date", format)],
            reading: format!("{} is {day}", example(shown)),
        })
    });
    fit.decide(Decision {
        question: format!(
            "days like {} ({}) can be read in {} formats",
            example(shown),
            counted(written.len() as u64),
            formats.len()
        ),
        choices: choices.collect(),
        words: Vec::new(),
        holds_back: false,
    });
}

/// The cells of a column as numbers.
pub(super) fn numbers(trial: &Trial, field: Field, column: &SampleColumn) -> Fit {
    let mut fit = Fit::new("numbers");
    let mut texts: Vec<&str> = Vec::new();
    let (mut typed, mut is_plain) = (false, true);
    let mut evidence: Option<FormatEvidence> = None;
    for cell in &column.cells {
        let text = text_of(cell).map(trimmed);
        let shown = text.and_then(|text| Some((text, FormatEvidence::of_number(text)?)));
        let is_taken = trial.takes(field, cell, &mut fit.trim);
        match shown {
            Some((text, shown)) => {
                texts.push(text);
                is_plain &= is_taken;
                fit.trim |= !is_taken && text_of(cell) != Some(text);
                evidence = Some(evidence.map_or(shown, |before| before.and(shown)));
            }
            None if is_taken => typed = true,
            None => {
                fit.refuse(cell);
                continue;
            }
        }
        fit.take(cell);
    }
    let Some(evidence) = evidence else { return fit };
    let formats = evidence.possible_numbers();
    if is_plain {
        // `1.234` may be a number of thousands.
        let thousands = (',', Some('.'));
        let with_point: Vec<&str> = texts.iter().copied().filter(|text| text.contains('.')).collect();
        if formats.contains(&thousands) && !with_point.is_empty() && !typed {
            // Read plainly it would be sent at a thousandth of its value, and every row would be valid.
            ambiguous_numbers(field, &[('.', None), thousands], &with_point, true, &mut fit);
        }
        return fit;
    }
    match evidence.certain() {
        Some(options) => {
            fit.settings.extend(options.into_iter().map(|(name, value)| Setting::text(name, &value)));
        }
        None if formats.is_empty() => fit.decide(Decision::open(format!(
            "the numbers are written in several ways, such as {}; write them in one way in the table",
            different_forms(&texts)
        ))),
        None => ambiguous_numbers(field, &formats, &texts, false, &mut fit),
    }
    fit
}

fn ambiguous_numbers(
    field: Field,
    formats: &[(char, Option<char>)],
    texts: &[&str],
    holds_back: bool,
    fit: &mut Fit,
) {
    let read = |(decimal, thousands): (char, Option<char>), text: &str| {
        let format = NumberFormat { decimal: Some(decimal), thousands };
        format.read(field, text).ok().map(|number| number.to_string())
    };
    let differs =
        |text: &&&str| formats.iter().map(|format| read(*format, text)).collect::<BTreeSet<_>>().len() > 1;
    let shown = texts.iter().find(differs).unwrap_or(&texts[0]);
    let mut choices: Vec<Choice> = Vec::new();
    for format in formats {
        let Some(number) = read(*format, shown) else { continue };
        let reading = format!("{} is {number}", example(shown));
        // Formats that read it as the same number differ in characters that no cell has.
        if choices.iter().any(|choice| choice.reading == reading) {
            continue;
        }
        let mut settings = vec![Setting::text("decimal", &format.0.to_string())];
        settings.extend(format.1.map(|thousands| Setting::text("thousands", &thousands.to_string())));
        choices.push(Choice { settings, reading });
    }
    if let [only] = choices.as_mut_slice() {
        fit.settings.append(&mut only.settings);
        return;
    }
    fit.decide(Decision {
        question: format!(
            "numbers like {} ({}) can be read in {} ways",
            example(shown),
            counted(texts.len() as u64),
            choices.len()
        ),
        choices,
        words: Vec::new(),
        holds_back,
    });
}
