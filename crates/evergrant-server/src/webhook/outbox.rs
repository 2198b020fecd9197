//! Turns events into messages.

use std::collections::BTreeMap;

use evergrant::{
    Keeper,
    proto::grant::{GrantRecord, GrantState},
    store::{
        NumberedEvent, StoreError,
        webhook::{Incident, Message, MessageId, MessageKind, News, Subject},
    },
};
use serde_json::Value;

use super::{
    incident::{self, Step},
    payload,
};
use crate::{ServerConfig, random};

/// What events read behind a cursor are to be told as.
pub(super) async fn translate(
    keeper: &Keeper,
    config: &ServerConfig,
    events: &[NumberedEvent],
    open: &mut BTreeMap<Subject, Incident>,
    news: &mut News,
) -> Result<(), StoreError> {
    for numbered in events {
        for subject in incident::subjects(&numbered.event) {
            let before = open.get(&subject).copied();
            let step = incident::step(&subject, before, numbered.event.kind);
            let step = confirm(keeper, config, numbered, &subject, step, news).await?;
            if step == before {
                continue;
            }
            match step {
                Some(incident) => open.insert(subject.clone(), incident),
                None => open.remove(&subject),
            };
            news.incidents.insert(subject, step);
        }
        news.to = numbered.number;
    }
    Ok(())
}

/// Adds the message of a step; returns what is open then.
async fn confirm(
    keeper: &Keeper,
    config: &ServerConfig,
    numbered: &NumberedEvent,
    subject: &Subject,
    step: Step,
    news: &mut News,
) -> Result<Option<Incident>, StoreError> {
    let Some(kind) = step.message else { return Ok(step.incident) };
    let Some(data) = data(keeper, config, numbered, subject, kind).await? else { return Ok(None) };
    news.messages.push(Message {
        id: MessageId(u128::from_be_bytes(random::bytes())),
        kind,
        namespace: numbered.event.namespace.clone(),
        subject: subject.clone(),
        at: numbered.event.at,
        data,
    });
    Ok(step.incident)
}

/// What there is to say; `None`: nothing, after all.
async fn data(
    keeper: &Keeper,
    config: &ServerConfig,
    NumberedEvent { number, event }: &NumberedEvent,
    subject: &Subject,
    kind: MessageKind,
) -> Result<Option<Value>, StoreError> {
    let Subject::Grant(id) = subject else {
        return Ok(Some(payload::of_client(*number, event, config)));
    };
    // A grant that was removed meanwhile is nobody's trouble.
    let Some(grant) = keeper.grant(*id).await? else { return Ok(None) };
    Ok(is_so(&grant, kind).then(|| payload::of_grant(&grant, *number, event, config)))
}

/// A refresh that failed does not always degrade its grant: one that was not sent does not. And what is over before
/// anybody was told is no incident.
fn is_so(grant: &GrantRecord, kind: MessageKind) -> bool {
    kind != MessageKind::GrantDegraded || matches!(grant.state, GrantState::Degraded { .. })
}
