//! Numbers of JSON compared by value, with every digit.

use std::cmp::Ordering;

/// A number as its digits, without zeros at either end: `digits` × 10^`exponent`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Decimal {
    negative: bool,
    digits: Vec<u8>,
    exponent: i64,
    /// Decimal places as it was written.
    places: i64,
}

impl Decimal {
    /// `text` is a JSON number.
    pub(super) fn read(text: &str) -> Option<Decimal> {
        let (negative, text) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (mantissa, power) = match text.split_once(['e', 'E']) {
            Some((mantissa, power)) => (mantissa, power.parse::<i64>().ok()?),
            None => (text, 0),
        };
        // Beyond this, no hours and no money.
        if !(-1000..=1000).contains(&power) {
            return None;
        }
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let mut digits: Vec<u8> = whole.bytes().chain(fraction.bytes()).collect();
        if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
            return None;
        }
        let mut exponent = power - fraction.len() as i64;
        let places = (-exponent).max(0);
        while digits.last() == Some(&b'0') {
            digits.pop();
            exponent += 1;
        }
        let leading = digits.iter().take_while(|&&digit| digit == b'0').count();
        digits.drain(..leading);
        if digits.is_empty() {
            return Some(Decimal { negative: false, digits, exponent: 0, places });
        }
        Some(Decimal { negative, digits, exponent, places })
    }

    pub(super) fn is_zero(&self) -> bool {
        self.digits.is_empty()
    }

    /// Whether both are the same number, however they are written.
    pub(super) fn is_same_as(&self, other: &Decimal) -> bool {
        (self.negative, &self.digits, self.exponent) == (other.negative, &other.digits, other.exponent)
    }

    /// Whether `rounded` is this number, rounded up or down to the decimal places with which it is written.
    pub(super) fn may_round_to(&self, rounded: &Decimal) -> bool {
        // Nothing is lost at this many places.
        if -self.exponent <= rounded.places {
            return false;
        }
        let keep = self.digits.len() as i64 + self.exponent + rounded.places;
        let kept = self.digits.get(..keep.max(0) as usize).unwrap_or(&self.digits);
        let mut up = kept.to_vec();
        let mut carry = true;
        for digit in up.iter_mut().rev() {
            if !carry {
                break;
            }
            carry = *digit == b'9';
            *digit = if carry { b'0' } else { *digit + 1 };
        }
        if carry {
            up.insert(0, b'1');
        }
        let expected = rounded.units();
        let same = |digits: &[u8]| {
            let digits: Vec<u8> = digits.iter().copied().skip_while(|&digit| digit == b'0').collect();
            digits.cmp(&expected) == Ordering::Equal
        };
        (rounded.is_zero() || self.negative == rounded.negative) && (same(kept) || same(&up))
    }

    /// Its digits as a whole number of its last decimal place.
    fn units(&self) -> Vec<u8> {
        let zeros = if self.is_zero() { 0 } else { (self.exponent + self.places).max(0) as usize };
        let mut digits = self.digits.clone();
        digits.resize(digits.len() + zeros, b'0');
        digits
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decimal(text: &str) -> Decimal {
        Decimal::read(text).unwrap_or_else(|| panic!("{text}"))
    }

    #[test]
    fn same_value_in_any_spelling() {
        for (one, other) in [
            ("250", "250.00"),
            ("0.1", "1e-1"),
            ("1.8e4", "18000"),
            ("-0", "0.000"),
            ("9007199254740993", "9007199254740993.0"),
        ] {
            assert!(decimal(one).is_same_as(&decimal(other)), "{one} {other}");
        }
        for (one, other) in
            [("250", "25"), ("1", "-1"), ("9007199254740993", "9007199254740992"), ("0.1", "0.10001")]
        {
            assert!(!decimal(one).is_same_as(&decimal(other)), "{one} {other}");
        }
        assert_eq!(Decimal::read("1e99999"), None);
        assert_eq!(Decimal::read(""), None);
    }

    #[test]
    fn number_may_be_another_one_rounded() {
        for (ours, theirs) in [
            ("18000.10", "18000"),
            ("0.5", "1"),
            ("0.5", "0"),
            ("0.001", "0.00"),
            ("12.345", "12.35"),
            ("12.345", "12.34"),
            ("9.99", "10.0"),
            ("-2.5", "-3"),
            ("-0.4", "0"),
            ("99.5", "100"),
        ] {
            assert!(decimal(ours).may_round_to(&decimal(theirs)), "{ours} {theirs}");
        }
        for (ours, theirs) in [
            ("250", "25"),
            ("250", "251"),
            ("250.4", "252"),
            ("2.5", "-2"),
            ("12.345", "12.36"),
            ("18000", "1.8e4"),
        ] {
            assert!(!decimal(ours).may_round_to(&decimal(theirs)), "{ours} {theirs}");
        }
    }

    proptest! {
        /// Both ways of rounding that a database or a program may choose are recognised.
        #[test]
        fn recognises_rounding_of_any_number(thousandths in -9_999_999i64..9_999_999, places in 0u32..3) {
            prop_assume!(thousandths % 10 != 0);
            let written = |n: i64, places: u32| {
                let (unit, sign) = (10i64.pow(places), if n < 0 { "-" } else { "" });
                let (whole, part) = (n.abs() / unit, n.abs() % unit);
                if places == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{part:0width$}", width = places as usize) }
            };
            let ours = decimal(&written(thousandths, 3));
            let step = 10i64.pow(3 - places);
            let (down, up) = (thousandths.div_euclid(step), thousandths.div_euclid(step) + 1);
            prop_assert!(ours.may_round_to(&decimal(&written(down, places))));
            prop_assert!(ours.may_round_to(&decimal(&written(up, places))));
            prop_assert!(!ours.may_round_to(&decimal(&written(up + 1, places))));
            prop_assert!(!ours.may_round_to(&decimal(&written(down - 1, places))));
        }
    }
}
