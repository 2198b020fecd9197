//! From when to when a certificate is valid: the one thing of X.509 that the TLS library does not tell a server of its
//! own certificate (RFC 5280 4.1).

use evergrant::proto::time::Timestamp;

const SEQUENCE: u8 = 0x30;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
/// The version, which a certificate of the first version does not have.
const EXPLICIT_0: u8 = 0xa0;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Validity {
    pub(super) not_before: Timestamp,
    pub(super) not_after: Timestamp,
}

/// Reads it from a certificate in DER; `None` if that is none.
pub(super) fn of(certificate: &[u8]) -> Option<Validity> {
    let (certificate, _) = Element::expect(certificate, SEQUENCE)?;
    let (to_be_signed, _) = Element::expect(certificate, SEQUENCE)?;
    let first = Element::read(to_be_signed)?;
    let serial = if first.0.tag == EXPLICIT_0 { first.1 } else { to_be_signed };
    let (_, signature) = Element::read(serial)?;
    let (_, issuer) = Element::read(signature)?;
    let (_, validity) = Element::read(issuer)?;
    let (validity, _) = Element::expect(validity, SEQUENCE)?;
    let (not_before, rest) = Element::read(validity)?;
    let (not_after, _) = Element::read(rest)?;
    Some(Validity { not_before: not_before.time()?, not_after: not_after.time()? })
}

/// A value of DER and its tag.
struct Element<'a> {
    tag: u8,
    content: &'a [u8],
}

impl<'a> Element<'a> {
    /// The first element, and what follows it.
    fn read(der: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (&[tag, length], rest) = der.split_first_chunk::<2>()?;
        let (length, rest) = match length {
            0..=0x7f => (usize::from(length), rest),
            // Up to three octets of length: 16 MB.
            0x81..=0x83 => {
                let (octets, rest) = rest.split_at_checked(usize::from(length & 0x7f))?;
                (octets.iter().fold(0, |sum, octet| sum << 8 | usize::from(*octet)), rest)
            }
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(length)?;
        Some((Self { tag, content }, rest))
    }

    fn expect(der: &'a [u8], tag: u8) -> Option<(&'a [u8], &'a [u8])> {
        let (element, rest) = Self::read(der)?;
        (element.tag == tag).then_some((element.content, rest))
    }

    /// RFC 5280 4.1.2.5: `YYMMDDHHMMSSZ` of the years 1950 to 2049, or `YYYYMMDDHHMMSSZ`.
    fn time(&self) -> Option<Timestamp> {
        let digits = std::str::from_utf8(self.content).ok()?.strip_suffix('Z')?;
        let year_digits = match (self.tag, digits.len()) {
            (UTC_TIME, 12) => 2,
            (GENERALIZED_TIME, 14) => 4,
            _ => return None,
        };
        if !digits.bytes().all(|digit| digit.is_ascii_digit()) {
            return None;
        }
        let (year, rest) = digits.split_at(year_digits);
        let year = match (year_digits, year.parse::<i64>().ok()?) {
            (2, year) if year < 50 => 2000 + year,
            (2, year) => 1900 + year,
            (_, year) => year,
        };
        let part = |index: usize| rest[2 * index..2 * index + 2].parse::<i64>().ok();
        let days = days_from_civil(year, part(0)?, part(1)?)?;
        Some(Timestamp::from_seconds(days * 86_400 + part(2)? * 3_600 + part(3)? * 60 + part(4)?))
    }
}

/// Days since 1970-01-01 in the Gregorian calendar.
fn days_from_civil(year: i64, month: i64, day: i64) -> Option<i64> {
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    // A year that begins in March has its leap day at its end.
    let (year, month) = if month < 3 { (year - 1, month + 9) } else { (year, month - 3) };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    Some(year * 365 + leap_days + (153 * month + 2) / 5 + day - 1 - 719_468)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(tag: u8, text: &str) -> Option<String> {
        Element { tag, content: text.as_bytes() }.time().map(|time| time.to_string())
    }

    #[test]
    fn both_forms_of_time_are_read() {
        for (tag, text, expected) in [
            (UTC_TIME, "260228235959Z", "2026-02-28T23:59:59Z"),
            (UTC_TIME, "491231000000Z", "2049-12-31T00:00:00Z"),
            (UTC_TIME, "700101000000Z", "1970-01-01T00:00:00Z"),
            (GENERALIZED_TIME, "20500101000000Z", "2050-01-01T00:00:00Z"),
            (GENERALIZED_TIME, "20240229120000Z", "2024-02-29T12:00:00Z"),
            (GENERALIZED_TIME, "99991231235959Z", "9999-12-31T23:59:59Z"),
        ] {
            assert_eq!(time(tag, text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_none() {
        for (tag, text) in [
            (UTC_TIME, "2602282359Z"),
            (UTC_TIME, "260228235959"),
            (UTC_TIME, "261328235959Z"),
            (UTC_TIME, "2602282359-1Z"),
            (GENERALIZED_TIME, "260228235959Z"),
            (GENERALIZED_TIME, "2026022823595é"),
            (SEQUENCE, "260228235959Z"),
        ] {
            assert_eq!(time(tag, text), None, "{text}");
        }
    }

    #[test]
    fn no_damage_to_a_certificate_is_more_than_no_answer() {
        let key = rcgen::KeyPair::generate().unwrap();
        let whole =
            rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
        let whole = whole.der().to_vec();
        assert!(of(&whole).is_some());
        for length in 0..whole.len() {
            assert_eq!(of(&whole[..length]), None, "the first {length} bytes");
        }
        for index in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[index] = !damaged[index];
            // It must not panic; whether the damage is noticed depends on where it is.
            let _ = of(&damaged);
        }
    }
}
