//! What every reader of JSON takes, and takes for the same.

use memchr::memchr2;

use crate::json;

/// How many values may lie within one another. Readers stop at 128 (`serde_json`) or at about 1,000 (Python 3.11), and the
/// event itself adds two.
const MAX_DEPTH: usize = 100;

/// The integers that are a double, and the only ones that are this double, end here (RFC 7493, section 2.2).
const INTEGERS_END: u64 = 1 << 53;

/// So many digits are given back by a double as they were (`DBL_DIG`), so that they need no closer look.
const SURE_DIGITS: usize = 15;

/// Whether all readers of JSON find the same in this text, which must be JSON: nothing lies deeper than [`MAX_DEPTH`],
/// integers are within [`INTEGERS_END`], a double gives each other number back, and no object has a member twice, as RFC 7493
/// advises.
pub fn is_portable(text: &str) -> bool {
    is_shallow_and_exact(text) && !json::repeats_a_member(text)
}

fn is_shallow_and_exact(json: &str) -> bool {
    let bytes = json.as_bytes();
    let (mut at, mut depth) = (0, 0);
    while let Some(&byte) = bytes.get(at) {
        at += 1;
        match byte {
            b'"' => at = string_end(bytes, at),
            b'[' | b'{' if depth == MAX_DEPTH => return false,
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth -= 1,
            b'-' | b'0'..=b'9' => {
                let start = at - 1;
                at += bytes[at..].iter().take_while(|byte| is_of_number(**byte)).count();
                if !is_held(&json[start..at]) {
                    return false;
                }
            }
            _ => {}
        }
    }
    true
}

fn is_of_number(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E')
}

/// Where what follows a string begins, of which the first byte stands at `at`.
fn string_end(bytes: &[u8], mut at: usize) -> usize {
    while let Some(distance) = memchr2(b'"', b'\\', &bytes[at..]) {
        at += distance + 1;
        if bytes[at - 1] == b'"' {
            break;
        }
        // What is escaped.
        at += 1;
    }
    at
}

fn is_held(number: &str) -> bool {
    let has_exponent = number.contains(['e', 'E']);
    // A long exponent takes few digits.
    if number.len() <= SURE_DIGITS && !has_exponent {
        return true;
    }
    if !has_exponent && !number.contains('.') {
        let integer = number.trim_start_matches('-').parse::<u64>();
        return integer.is_ok_and(|integer| integer < INTEGERS_END);
    }
    let Ok(double) = number.parse::<f64>() else {
        return false;
    };
    // The shortest text that is read as this double.
    double.is_finite() && Decimal::of(number) == Decimal::of(&format!("{double:e}"))
}

/// A number without the ways to write it. Its sign is left out: no reader loses that of anything but zero.
#[derive(PartialEq)]
struct Decimal {
    /// Without zeros before and behind.
    digits: String,
    /// Of ten, by which the digits, taken for an integer, are multiplied. `None` of one beyond all use.
    exponent: Option<i64>,
}

impl Decimal {
    fn of(number: &str) -> Self {
        let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = [whole.trim_start_matches('-'), fraction].concat();
        let short = all.trim_end_matches('0');
        let digits = short.trim_start_matches('0').to_owned();
        if digits.is_empty() {
            return Self {
                digits,
                exponent: Some(0),
            };
        }
        let moved = |count: usize| i64::try_from(count).ok();
        let exponent = exponent.parse::<i64>().ok().and_then(|exponent| {
            exponent
                .checked_sub(moved(fraction.len())?)?
                .checked_add(moved(all.len() - short.len())?)
        });
        Self { digits, exponent }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_number_is_portable_if_a_double_gives_it_back_and_it_is_no_long_integer() {
        for number in [
            "0",
            "-0",
            "-0.0",
            "0e999999999999999999999",
            "7",
            "-1.50",
            "1E3",
            "1e-3",
            "123456789012345",
            "9007199254740991",
            "-9007199254740991",
            "0.30000000000000004",
            "52.520006599999995",
            "1e22",
            "9007199254740992.0",
            "1.7976931348623157e308",
            "5e-324",
            "0.10000000000000000000",
            "1.0e+2",
        ] {
            assert!(is_portable(number), "{number}");
            assert!(
                is_portable(&format!(r#"{{"a" : [ {number},{number} ]}}"#)),
                "{number}"
            );
        }
        for number in [
            "9007199254740992",
            "-9007199254740993",
            "18446744073709551615",
            "1152921504606847000",
            "9007199254740993.0",
            "1152921504606846976e0",
            "52.520006599999997",
            "999999999999999.99",
            "1e400",
            "-1e400",
            "1e-400",
            "1e309",
            "4e-324",
            "3.141592653589793238462643383279",
            "1e99999999999999999999",
            "1.00000000000000000001",
        ] {
            assert!(!is_portable(number), "{number}");
            assert!(!is_portable(&format!(r#"{{"a":[{number}]}}"#)), "{number}");
        }
    }

    #[test]
    fn what_stands_in_texts_is_no_number_and_no_depth() {
        let texts = r#"["1e400", "\"9007199254740993", "\\", {"1e400":"[[["}, "é\u0022[", ""]"#;
        assert!(is_portable(texts));
        assert!(!is_portable(&texts.replace(r#""[[[""#, "1e400")));
        assert!(!is_portable(&texts.replace(r#""""#, "1e400")));
    }

    #[test]
    fn a_member_may_stand_once_in_each_object_however_it_is_spelled() {
        for once in [r#"{"a":{"a":[{"a":1},{"a":1}]},"A":"a"}"#, r#"[{},{}]"#] {
            assert!(is_portable(once), "{once}");
        }
        for twice in [r#"{"a":1,"b":2,"a":1}"#, r#"[{"x":{"a":1,"\u0061":2}}]"#] {
            assert!(!is_portable(twice), "{twice}");
        }
    }

    #[test]
    fn a_hundred_values_may_lie_within_one_another() {
        let nested = |depth: usize| "[".repeat(depth) + &*"]".repeat(depth);
        assert!(is_portable(&nested(100)));
        assert!(!is_portable(&nested(101)));
        let flat = format!("[{}0]", r#"{"a":[]},"#.repeat(1000));
        assert!(is_portable(&flat));
        assert!(!is_portable(&r#"{"a":"#.repeat(101)));
    }

    proptest! {
        #[test]
        fn every_double_is_portable_however_it_is_written(bits: u64) {
            let double = f64::from_bits(bits);
            prop_assume!(double.is_finite());
            let (plain, scientific) = (format!("{double:?}"), format!("{double:e}"));
            prop_assert!(is_portable(&plain), "{plain}");
            prop_assert!(is_portable(&scientific) || double.fract() == 0.0, "{scientific}");
        }

        #[test]
        fn a_decimal_is_portable_if_it_is_the_shortest_of_its_double(
            digits in 0..10_u64.pow(18),
            exponent in -30..30_i32,
        ) {
            let number = format!("{digits}e{exponent}");
            let read = |text: &str| text.parse::<f64>().unwrap();
            let shortest = format!("{:e}", read(&number));
            let (shortest_digits, shortest_exponent) = shortest.split_once('e').unwrap();
            let (whole, fraction) = shortest_digits.split_once('.').unwrap_or((shortest_digits, ""));
            let shortest_exponent = shortest_exponent.parse::<i32>().unwrap() - i32::try_from(fraction.len()).unwrap();
            let all: u128 = format!("{whole}{fraction}").parse().unwrap();
            // Both as integers times the same power of ten.
            let least = exponent.min(shortest_exponent);
            let scaled = |digits: u128, exponent: i32| digits.checked_mul(10_u128.checked_pow((exponent - least).unsigned_abs())?);
            let is_same = match (scaled(u128::from(digits), exponent), scaled(all, shortest_exponent)) {
                (Some(one), Some(other)) => one == other,
                (_, _) => digits == 0 && all == 0,
            };
            prop_assert_eq!(is_portable(&number), is_same, "{} {}", number, shortest);
        }
    }
}
