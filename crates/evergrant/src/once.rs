//! Imports and authorizations that a program may ask for again without harm: an answer that was lost on its way, a
//! crash, a second process.

use std::{sync::Arc, time::Duration};

use evergrant_proto::{
    grant::GrantRecord,
    transaction::{Command, OpenAuthorization, Reply},
};
use evergrant_store::{
    StoreError,
    once::{Executed, Once, OnceKey},
};
use zeroize::Zeroizing;

use crate::{Authorization, AuthorizationOptions, AuthorizeError, Keeper, NewGrant};

/// How long answers are kept.
const LIFETIME: Duration = Duration::from_secs(86_400);

impl Keeper {
    /// What was answered to a request that was executed within the last day; `None`: it was not.
    ///
    /// # Errors
    ///
    /// The store is away.
    pub async fn executed(&self, key: OnceKey) -> Result<Option<Executed>, StoreError> {
        self.shared.store.executed(key, self.clock().now().wall).await
    }

    /// As [`Keeper::import`], unless this request was executed within the last day. `answer` makes the answer, which is
    /// kept sealed: with the grant or not at all.
    ///
    /// # Errors
    ///
    /// As [`Keeper::import`].
    pub async fn import_once(
        &self,
        new: NewGrant,
        key: OnceKey,
        answer: impl Fn(&GrantRecord) -> Zeroizing<Vec<u8>> + Send + Sync + 'static,
    ) -> Result<Executed, StoreError> {
        let import = self.import_of(new);
        let grant = import.grant;
        let answer = move |reply: &Reply| match reply {
            Reply::Grant(grant) => answer(grant),
            reply => unreachable!("an import is answered with its grant, not with {reply:?}"),
        };
        let once = self.once(key, answer);
        let executed = self.shared.store.execute_once(Command::Import(Box::new(import)), once).await?;
        self.forget_grant(grant);
        Ok(executed)
    }

    /// As [`Keeper::authorize`], unless this request was executed within the last day. `answer` makes the answer, which is
    /// kept sealed: with the authorization or not at all.
    ///
    /// # Errors
    ///
    /// As [`Keeper::authorize`].
    pub async fn authorize_once(
        &self,
        options: AuthorizationOptions,
        key: OnceKey,
        answer: impl Fn(&Authorization) -> Zeroizing<Vec<u8>> + Send + Sync + 'static,
    ) -> Result<Executed, AuthorizeError> {
        let (record, authorization) = self.prepare_authorization(options).await?;
        let once = self.once(key, move |_| answer(&authorization));
        let open = Command::OpenAuthorization(Box::new(OpenAuthorization { record }));
        Ok(self.shared.store.execute_once(open, once).await?)
    }

    /// Forgets answers to repeated requests whose day is over.
    ///
    /// # Errors
    ///
    /// The store is away.
    pub async fn forget_answers(&self) -> Result<(), StoreError> {
        self.shared.store.forget_answers(self.clock().now().wall).await
    }

    fn once(
        &self,
        key: OnceKey,
        answer: impl Fn(&Reply) -> Zeroizing<Vec<u8>> + Send + Sync + 'static,
    ) -> Once {
        Once { key, now: self.clock().now().wall, lifetime: LIFETIME, answer: Arc::new(answer) }
    }
}
