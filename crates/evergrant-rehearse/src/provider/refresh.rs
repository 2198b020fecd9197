//! The refresh grant (RFC 6749 6): where rotation policies show.

use super::{
    Call, FamilyId, JournalEntry, Provider, Reason, Response, RevocationCause,
    issue::Issue,
    parameters::Parameters,
    refusal::Refusal,
    rotation::{self, Verdict},
    scope,
    secret::Fingerprint,
    token::is_over,
};
use crate::settings::{ClientSettings, Otherwise, PolicyName};

impl Provider {
    pub(super) fn refresh(
        &mut self,
        call: &mut Call<'_>,
        form: &Parameters,
        client: &ClientSettings,
    ) -> Result<Response, Refusal> {
        let presented = form.value("refresh_token").ok_or_else(|| Refusal::missing("refresh_token"))?;
        call.entry.presented = Some(Fingerprint::of(presented));
        let found = self.grants.find_refresh_token(presented).ok_or(Reason::UnknownRefreshToken)?;
        let (id, place) = found;
        self.note_presentation(&mut call.entry, id, place);
        let verdict = match self.judge_refresh(call, client, id, place) {
            Ok(verdict) => verdict,
            Err(refusal) => return Err(self.punish(call, client, id, refusal)),
        };
        let family = self.grants.family(id).expect("the index names families that exist");
        // Checked before anything changes: a mistyped scope must not cost the token.
        let scope = scope::within(form, &family.scope)?;
        let resources = scope::resources_within(form, &family.resources)?;
        let refresh_token = self.rotate(call, client, id, place, verdict);
        if client.refresh_ends_access_tokens {
            self.grants.end_access_tokens(id);
        }
        let issue = Issue { client, family: Some(id), scope, resources, refresh_token, nonce: None };
        Ok(self.issue(call, &issue))
    }

    /// Notes in the journal which token of which family a request presents.
    pub(super) fn note_presentation(&mut self, entry: &mut JournalEntry, id: FamilyId, place: usize) {
        let family = self.grants.family_mut(id).expect("the index names families that exist");
        entry.family = Some(id);
        entry.username = Some(family.username.clone());
        let token = &mut family.tokens[place];
        entry.generation = Some(token.generation);
        entry.presented_before = Some(token.presented);
        token.presented = token.presented.saturating_add(1);
    }

    /// Account and age are looked at before a replay is, as certified servers do.
    fn judge_refresh(
        &self,
        call: &Call<'_>,
        client: &ClientSettings,
        id: FamilyId,
        place: usize,
    ) -> Result<Verdict, Refusal> {
        let family = self.grants.family(id).expect("the index names families that exist");
        if family.client_id != client.client_id {
            return Err(Reason::RefreshTokenOfOtherClient.into());
        }
        if let Some((_, cause)) = family.revoked {
            return Err(Reason::FamilyRevoked(cause).into());
        }
        self.usable_user(client, &family.username)?;
        let (idle, absolute) = family.limits(place, &client.lifetimes);
        if is_over(absolute, call.now) {
            return Err(Reason::ExpiredAbsolute.into());
        }
        if is_over(idle, call.now) {
            return Err(Reason::ExpiredIdle.into());
        }
        match rotation::judge(&client.rotation, family, place, call.now) {
            Verdict::Replayed => Err(Reason::ReplayedRefreshToken.into()),
            Verdict::Superseded => Err(Reason::SupersededRefreshToken.into()),
            allowed => Ok(allowed),
        }
    }

    /// A replay that is not forgiven may end more than the request.
    fn punish(
        &mut self,
        call: &mut Call<'_>,
        client: &ClientSettings,
        id: FamilyId,
        refusal: Refusal,
    ) -> Refusal {
        let replay = matches!(refusal.reason, Reason::ReplayedRefreshToken | Reason::SupersededRefreshToken);
        let username = call.entry.username.clone();
        let cause = RevocationCause::ReplayedRefreshToken;
        call.entry.revoked = match client.rotation.otherwise {
            Otherwise::RevokeFamily if replay => self.revoke_all(cause, call.now, |family| family.id == id),
            Otherwise::RevokeClientSession if replay => self.revoke_all(cause, call.now, |family| {
                family.client_id == client.client_id && Some(&family.username) == username.as_ref()
            }),
            _ => Vec::new(),
        };
        refusal
    }

    /// Carries the verdict out; returns the place of the refresh token in the answer.
    fn rotate(
        &mut self,
        call: &mut Call<'_>,
        client: &ClientSettings,
        id: FamilyId,
        place: usize,
        verdict: Verdict,
    ) -> Option<usize> {
        let now = call.now;
        self.grants.family_mut(id).expect("the index names families that exist").apply(place, verdict, now);
        match verdict {
            Verdict::Keep | Verdict::Replayed | Verdict::Superseded => None,
            Verdict::Repeat(successor) => Some(successor),
            Verdict::Mint | Verdict::MintInstead => {
                if client.rotation.policy != PolicyName::P0 {
                    self.grants.family_mut(id).expect("as above").spend(place, now);
                }
                Some(self.mint_refresh_token(call, id, Some(place)))
            }
        }
    }
}
