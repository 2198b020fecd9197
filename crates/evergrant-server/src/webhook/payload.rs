//! What stands in a message: thin, in plain sentences, and without secrets.

use std::time::Duration;

use evergrant::{
    proto::{
        diagnosis::Diagnosis,
        grant::{Event, GrantRecord},
        time::Timestamp,
    },
    store::webhook::{Message, MessageKind, Subject},
};
use serde_json::{Map, Value, json};

use super::wording::sentence;
use crate::{ServerConfig, app::App};

/// How long the link in a message leads to its grant: long enough for a letter to its user over a weekend. It opens a
/// page that asks first, and the same account has to sign in.
const LINK_LASTS: Duration = Duration::from_secs(7 * 86_400);

/// What there is to say of an event of a grant.
pub(super) fn of_grant(grant: &GrantRecord, number: u64, event: &Event, config: &ServerConfig) -> Value {
    let mut data = common(number, event, config);
    data.insert("grant".to_owned(), json!(grant.id));
    if let Some(external_id) = &grant.owner.external_id {
        data.insert("external_id".to_owned(), json!(external_id));
    }
    if !grant.owner.labels.is_empty() {
        data.insert("labels".to_owned(), json!(grant.owner.labels));
    }
    Value::Object(data)
}

/// What there is to say of an event of a client.
pub(super) fn of_client(number: u64, event: &Event, config: &ServerConfig) -> Value {
    Value::Object(common(number, event, config))
}

fn common(number: u64, event: &Event, config: &ServerConfig) -> Map<String, Value> {
    let mut data = Map::new();
    data.insert("namespace".to_owned(), json!(event.namespace));
    data.insert("client".to_owned(), json!(event.client));
    data.insert("event".to_owned(), json!(number));
    if let Some(diagnosis) = &event.diagnosis {
        data.insert("diagnosis".to_owned(), diagnosed(diagnosis, config));
    }
    data
}

fn diagnosed(diagnosis: &Diagnosis, config: &ServerConfig) -> Value {
    let remedies: Vec<_> = diagnosis.remedies.iter().map(|remedy| sentence(*remedy)).collect();
    json!({
        "cause": diagnosis.cause,
        "certainty": diagnosis.certainty,
        "meaning": diagnosis.cause.meaning(),
        "evidence": diagnosis.evidence,
        "remedies": remedies,
        "page": config.address(&format!("problems/{}", diagnosis.cause)),
    })
}

/// The body of a delivery. The link is made for each try: it lasts as long from the last one as from the first.
pub(super) fn body(message: &Message, app: &App, now: Timestamp) -> Vec<u8> {
    let mut data = message.data.clone();
    if let (MessageKind::GrantNeedsReauthorization, Subject::Grant(grant)) = (message.kind, &message.subject)
    {
        let end = now.plus(LINK_LASTS);
        let link = app.link_key.sign_until(*grant, end);
        data["reauthorize_url"] = json!(app.config.address(&format!("connect/{link}")));
        data["reauthorize_url_expires_at"] = json!(end.to_string());
    }
    let payload = json!({ "type": message.kind, "timestamp": message.at.to_string(), "data": data });
    payload.to_string().into_bytes()
}
