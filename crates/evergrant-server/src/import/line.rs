//! One grant, as a line of JSON or the body of a request has it.

use std::{fmt, time::Duration};

use evergrant::{
    NewGrant,
    proto::{
        grant::Owner,
        name::{ClientName, GrantId, Namespace},
        scope::ScopeSet,
        secret::{AccessToken, RefreshToken},
        time::Timestamp,
    },
};
use serde::{
    Deserialize, Deserializer,
    de::{Error, Visitor},
};
use serde_json::error::Category;

use super::{Found, LONGEST_LINE, report::Refused};
use crate::{
    extract::{Labels, MAX_VALUE_BYTES, Object, Scopes, Secret, without_value},
    problem::{Problem, Reason},
};

/// Seconds of a time that can only be meant in milliseconds: the year 5138.
const TOO_MANY_SECONDS: f64 = 1e11;

/// Beyond this length a token that stands somewhere else is there by mistake and not by chance.
const TELLING: usize = 16;

/// The fields of a grant that is to be taken over. Whatever an exporter of a database leaves empty may be `null`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Line {
    /// The client that the refresh token was issued to.
    client: Option<Name>,
    refresh_token: Secret,
    /// When the refresh token ends.
    refresh_expires_at: Option<Time>,
    /// When the refresh token was obtained.
    obtained_at: Option<Time>,
    access_token: Option<Secret>,
    /// When the access token ends.
    expires_at: Option<Time>,
    /// Seconds that the access token still lives.
    expires_in: Option<u64>,
    /// As token endpoints write it: separated by spaces.
    scope: Option<Spaced>,
    scopes: Option<Scopes>,
    external_id: Option<Id>,
    subject: Option<Id>,
    tenant: Option<Id>,
    labels: Option<Labels>,
    /// Give the refresh token to this grant instead of making a new one.
    grant: Option<Name>,
}

impl Line {
    /// What it means. `client`: the one of lines that name none.
    pub(crate) fn into_new(
        self,
        namespace: &Namespace,
        client: Option<&ClientName>,
        now: Timestamp,
    ) -> Result<NewGrant, Problem> {
        self.check_places()?;
        let client = match &self.client {
            Some(Name(name)) => ClientName::new(name).map_err(|_| {
                invalid(
                    "The field client is not usable: use 1 to 64 characters of a-z, 0-9, '-', '_' and '.'.",
                )
            })?,
            None => client.cloned().ok_or_else(|| invalid("The field client is missing."))?,
        };
        let into = self.grant.map(|Name(id)| {
            id.parse::<GrantId>().map_err(|_| invalid("The field grant is no id of a grant (g_...)."))
        });
        let refresh_token = RefreshToken::new(self.refresh_token.expose())
            .map_err(|error| unusable("refresh_token", error))?;
        let end = match (self.expires_at, self.expires_in) {
            (Some(_), Some(_)) => {
                return Err(invalid("The fields expires_at and expires_in say the same: give one of them."));
            }
            (Some(Time(end)), None) => Some(end),
            (None, seconds) => seconds.map(|seconds| now.plus(Duration::from_secs(seconds))),
        };
        let access_token = self
            .access_token
            .map(|token| AccessToken::new(token.expose()).map_err(|error| unusable("access_token", error)));
        let scopes = match (self.scope, self.scopes) {
            (Some(_), Some(_)) => {
                return Err(invalid("The fields scope and scopes say the same: give one of them."));
            }
            (Some(Spaced(scopes)), None) => scopes,
            (None, scopes) => scopes.unwrap_or_default().0,
        };
        Ok(NewGrant {
            namespace: namespace.clone(),
            refresh_expires_at: self.refresh_expires_at.map(|Time(at)| at),
            obtained_at: self.obtained_at.map(|Time(at)| at.min(now)),
            access_token: access_token.transpose()?.map(|token| (token, end)),
            scopes,
            owner: Owner {
                subject: bounded("subject", self.subject)?,
                tenant: bounded("tenant", self.tenant)?,
                external_id: bounded("external_id", self.external_id)?,
                labels: self.labels.unwrap_or_default().0,
            },
            into: into.transpose()?,
            ..NewGrant::new(client, refresh_token)
        })
    }

    /// Refuses a token in a field that is kept in clear and shown: two columns were mistaken for each other.
    fn check_places(&self) -> Result<(), Problem> {
        let tokens = [Some(&self.refresh_token), self.access_token.as_ref()];
        let holds = |text: &str| {
            let mut tokens = tokens.iter().flatten().map(|token| token.expose());
            tokens.any(|token| text == token || token.len() >= TELLING && text.contains(token))
        };
        let ids = [("external_id", &self.external_id), ("subject", &self.subject), ("tenant", &self.tenant)];
        for (field, id) in ids {
            if id.as_ref().is_some_and(|Id(text)| holds(text)) {
                return Err(invalid(format!("The field {field} holds a token, and it is kept in clear.")));
            }
        }
        let labels = self.labels.iter().flat_map(|Labels(labels)| labels);
        if labels.into_iter().any(|(key, value)| holds(key) || holds(value)) {
            return Err(invalid("A label holds a token, and labels are kept in clear."));
        }
        Ok(())
    }
}

fn invalid(detail: impl Into<String>) -> Problem {
    Problem::new(Reason::InvalidBody, detail)
}

fn unusable(field: &str, error: impl fmt::Display) -> Problem {
    invalid(format!("The field {field} is not usable: {error}."))
}

fn bounded(field: &str, id: Option<Id>) -> Result<Option<String>, Problem> {
    match id {
        Some(Id(text)) if text.is_empty() || text.len() > MAX_VALUE_BYTES => {
            Err(invalid(format!("The field {field} has 1 to {MAX_VALUE_BYTES} bytes.")))
        }
        id => Ok(id.map(|Id(text)| text)),
    }
}

/// A name that is parsed later: its own error would repeat it, and it may be a token in the wrong column.
#[derive(Deserialize)]
struct Name(String);

/// An identifier: a text, or a whole number as databases have them.
struct Id(String);

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl Visitor<'_> for Either {
            type Value = Id;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a text or a whole number")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Id, E> {
                Ok(Id(text.to_owned()))
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Id, E> {
                Ok(Id(number.to_string()))
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<Id, E> {
                Ok(Id(number.to_string()))
            }
        }
        deserializer.deserialize_any(Either)
    }
}

/// A point in time: RFC 3339, or seconds since 1970.
#[derive(Debug, Clone, Copy)]
struct Time(Timestamp);

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl Visitor<'_> for Either {
            type Value = Time;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a time as of RFC 3339 or seconds since 1970")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Time, E> {
                let time: jiff::Timestamp = text.parse().map_err(|_| {
                    E::custom("a time is no RFC 3339 with its offset, as 2026-11-21T10:00:00Z")
                })?;
                Ok(Time(Timestamp(time.as_millisecond())))
            }

            fn visit_u64<E: Error>(self, seconds: u64) -> Result<Time, E> {
                #[expect(clippy::cast_precision_loss, reason = "no time is so far away")]
                self.visit_f64(seconds as f64)
            }

            fn visit_f64<E: Error>(self, seconds: f64) -> Result<Time, E> {
                if !(0.0..TOO_MANY_SECONDS).contains(&seconds) {
                    return Err(E::custom("a time is in seconds since 1970, not in milliseconds"));
                }
                #[expect(clippy::cast_possible_truncation, reason = "it was just compared")]
                Ok(Time(Timestamp((seconds * 1000.0) as i64)))
            }
        }
        deserializer.deserialize_any(Either)
    }
}

/// Scopes separated by spaces (RFC 6749 3.3).
struct Spaced(ScopeSet);

impl<'de> Deserialize<'de> for Spaced {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Self).map_err(D::Error::custom)
    }
}

/// Reads lines.
#[derive(Debug, Clone)]
pub struct LineReader {
    /// Where the grants are to be.
    pub namespace: Namespace,
    /// The client of lines that name none.
    pub client: Option<ClientName>,
    /// Wall clock.
    pub now: Timestamp,
}

/// A line that was read.
#[derive(Debug)]
pub struct Read {
    /// The caller's id of the person, if the line could be read that far.
    pub external_id: Option<String>,
    /// What it asks for, or why it cannot be taken.
    pub grant: Result<NewGrant, Refused>,
}

impl LineReader {
    /// Reads a line.
    pub fn read(&self, line: &Found) -> Read {
        let Some(bytes) = &line.bytes else {
            let detail = format!("The line is longer than {} KiB.", LONGEST_LINE / 1024);
            return Read { external_id: None, grant: Err(Refused::new(Reason::BodyTooLarge, detail)) };
        };
        let fields: Line = match serde_json::from_slice(bytes) {
            Ok(Object(fields)) => fields,
            Err(error) => return Read { external_id: None, grant: Err(unread(&error)) },
        };
        let grant = fields.into_new(&self.namespace, self.client.as_ref(), self.now);
        let grant = grant.map_err(|problem| Refused::new(problem.reason(), problem.detail()));
        Read { external_id: grant.as_ref().ok().and_then(|new| new.owner.external_id.clone()), grant }
    }
}

fn unread(error: &serde_json::Error) -> Refused {
    let column = error.column();
    let detail = match error.classify() {
        Category::Data => format!("{} (column {column}).", without_token(&error.to_string())),
        Category::Eof => "The line ends in the middle of its JSON.".to_owned(),
        Category::Syntax | Category::Io => format!("The line is not JSON (column {column})."),
    };
    Refused::new(Reason::InvalidBody, detail)
}

/// serde repeats the name of a field that it does not know, and in a file that has its own shape that may be a token.
fn without_token(error: &str) -> String {
    let Some(named) = error.strip_prefix("unknown field `") else { return without_value(error) };
    let name = named.split('`').next().unwrap_or_default();
    let plain = name.len() <= 32 && name.bytes().all(|letter| letter.is_ascii_lowercase() || letter == b'_');
    if plain { format!("A field is unknown: {name}") } else { "A field is unknown".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_800_000_000_000);

    fn read(text: impl AsRef<[u8]>) -> Read {
        let client = Some(ClientName::new("crm").unwrap());
        let reader = LineReader { namespace: Namespace::default(), client, now: NOW };
        reader.read(&Found { number: 1, bytes: Some(text.as_ref().to_vec().into()) })
    }

    fn refusal(text: impl AsRef<[u8]>) -> String {
        let Read { grant, .. } = read(text);
        let refused = grant.unwrap_err();
        assert_eq!(refused.reason, Reason::InvalidBody);
        refused.detail
    }

    #[test]
    fn a_line_may_have_all_fields_or_the_refresh_token_alone() {
        let new = read(r#"{"refresh_token":"rt"}"#).grant.unwrap();
        assert_eq!((new.client.as_str(), new.refresh_token.expose()), ("crm", "rt"));
        let line = r#"{"client":"mail","refresh_token":"rt","access_token":"at","expires_at":"2027-01-15T08:30:00Z",
            "refresh_expires_at":1900000000,"obtained_at":1799999999.5,"scope":"openid mail","subject":"s","tenant":"t",
            "external_id":42,"labels":{"plan":"pro"},"grant":"g_00000000000000000000000000000007"}"#;
        let read = read(line.replace('\n', ""));
        assert_eq!(read.external_id.as_deref(), Some("42"));
        let new = read.grant.unwrap();
        assert_eq!(new.client.as_str(), "mail");
        assert_eq!(new.access_token.unwrap().1, Some(Timestamp(1_800_001_800_000)));
        assert_eq!(new.refresh_expires_at, Some(Timestamp(1_900_000_000_000)));
        assert_eq!(new.obtained_at, Some(Timestamp(1_799_999_999_500)));
        assert_eq!((new.scopes.len(), new.into), (2, Some(GrantId(7))));
        assert_eq!(new.owner.labels["plan"], "pro");
    }

    #[test]
    fn what_a_database_leaves_empty_is_null() {
        let line = r#"{"refresh_token":"rt","client":null,"access_token":null,"expires_at":null,"expires_in":null,
            "scope":null,"scopes":null,"external_id":null,"subject":null,"labels":null,"obtained_at":null}"#;
        assert!(read(line).grant.is_ok());
    }

    #[test]
    fn hostile_lines_are_refused_with_the_reason() {
        let deep = format!(r#"{{"refresh_token":"rt","labels":{}"#, "[".repeat(10_000));
        let long = format!(r#"{{"refresh_token":"rt","external_id":"{}"}}"#, "x".repeat(257));
        let rows: [(&[u8], &str); 21] = [
            (b"null", "another kind"),
            (b"[]", "another kind"),
            (br#""rt""#, "another kind"),
            (b"{}", "missing field `refresh_token`"),
            (b"{\"refresh_token\":\"rt\"", "in the middle"),
            (b"{\"refresh_token\":\"rt\"} {}", "not JSON"),
            (b"{\"refresh_token\":\"r\0t\"}", "not JSON"),
            (b"{\"refresh_token\":\"\xff\"}", "not JSON"),
            (b"{\"refresh_token\":\"r\\u0000t\"}", "printable"),
            (br#"{"refresh_token":""}"#, "empty"),
            (br#"{"refresh_token":7}"#, "another kind"),
            (br#"{"refresh_token":"a","refresh_token":"b"}"#, "duplicate field"),
            (br#"{"refresh_token":"rt","grants":1}"#, "unknown: grants"),
            (br#"{"refresh_token":"rt","expires_at":"yesterday"}"#, "RFC 3339"),
            (br#"{"refresh_token":"rt","expires_at":1800000000000}"#, "not in milliseconds"),
            (br#"{"refresh_token":"rt","expires_at":1,"expires_in":1}"#, "give one"),
            (br#"{"refresh_token":"rt","scope":"a","scopes":["a"]}"#, "give one"),
            (br#"{"refresh_token":"rt","subject":""}"#, "subject has 1 to"),
            (br#"{"refresh_token":"rt","scope":"a\"b"}"#, "RFC 6749"),
            (deep.as_bytes(), "another kind"),
            (long.as_bytes(), "external_id has 1 to"),
        ];
        for (line, expected) in rows {
            let said = refusal(line);
            assert!(
                said.contains(expected),
                "{}: {said}",
                String::from_utf8_lossy(&line[..line.len().min(80)])
            );
        }
    }

    #[test]
    fn no_refusal_repeats_what_may_be_a_token_in_the_wrong_place() {
        let token = "canary-Refresh-0123456789";
        for line in [
            r#"{"refresh_token":["TOKEN"]}"#,
            r#"{"TOKEN":"user-7"}"#,
            r#"{"refresh_token":"rt","TOKEN":1}"#,
            r#"{"refresh_token":"rt","client":"TOKEN"}"#,
            r#"{"refresh_token":"rt","grant":"TOKEN"}"#,
            r#"{"refresh_token":"rt","scope":"TOKEN\n"}"#,
            r#"{"refresh_token":"rt","expires_at":"TOKEN"}"#,
            r#"{"refresh_token":"rt","labels":{"a":["TOKEN"]}}"#,
            r#"{"refresh_token":"rt","labels":{"TOKEN":"1","TOKEN":"2"}}"#,
            r#"{"refresh_token":"TOKEN","external_id":"TOKEN"}"#,
            r#"{"refresh_token":"TOKEN","external_id":"user TOKEN"}"#,
            r#"{"refresh_token":"rt","access_token":"TOKEN","subject":"TOKEN"}"#,
            r#"{"refresh_token":"TOKEN","labels":{"token":"TOKEN"}}"#,
            r#""TOKEN""#,
            "TOKEN",
            r#"{"refresh_token":"TOKEN"#,
            "{\"refresh_token\":\"TOKEN\u{1}\"}",
        ] {
            let read = read(line.replace("TOKEN", token));
            let shown = format!("{read:?}");
            assert!(read.grant.is_err(), "{line}");
            assert!(!shown.contains(token), "{line}: {shown}");
        }
    }
}
