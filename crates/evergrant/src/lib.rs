//! Keeps OAuth 2.0 grants alive.
//!
//! Code that calls somebody's API on behalf of a user asks a [`Keeper`] for an access token and gets one that works.
//! The keeper holds the refresh token, encrypted; renews the access token before it expires, exactly once across
//! threads and processes; survives rotation, races, crashes and outages; and when a grant is dead it says why.
//!
//! # From nothing to a token
//!
//! A keeper is opened on a database file, together with the [`Driver`] that runs it. The driver is a future: spawn
//! it, or poll it beside other work. There are no other tasks.
//!
//! ```
//! use evergrant::{Keeper, NewClient, NewGrant, OpenOptions, http::EgressConfig, proto};
//! use evergrant_rehearse::{ClientSettings, Rehearsal, Settings, UserSettings};
//! use proto::{name::*, secret::*};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // A provider to talk to. A real one differs in its issuer only.
//! let rehearsal = Rehearsal::builder()
//!     .settings(Settings {
//!         clients: vec![ClientSettings::basic("my-client-id", "my-client-secret")],
//!         users: vec![UserSettings::new("alice", "acme")],
//!         ..Settings::bare()
//!     })
//!     .real_time()
//!     .start("127.0.0.1:0".parse()?)
//!     .await?;
//!
//! // The keeper. Its key file is made on first use, readable by its owner only.
//! let folder = tempfile::tempdir()?;
//! let mut options = OpenOptions::at(folder.path().join("grants.sqlite"));
//! options.egress = EgressConfig { allow_loopback_http: true, ..EgressConfig::default() };
//! let opened = Keeper::open(options).await?;
//! let keeper = opened.keeper;
//! tokio::spawn(opened.driver.run());
//!
//! // A client: our registration at the provider. Its metadata say where the endpoints are.
//! let mut client = NewClient::new(
//!     ClientName::new("shop")?,
//!     proto::wire::client_authentication::ClientIdentifier::new("my-client-id")?,
//! );
//! client.issuer = Some(rehearsal.issuer().to_owned());
//! client.secret = Some(ClientSecret::new("my-client-secret")?);
//! keeper.add_client(client).await?;
//!
//! // A grant: here a refresh token that another program had. `Keeper::authorize` sends a user through the provider.
//! let issued = rehearsal.issue_grant("my-client-id", "alice", "openid")?;
//! let grant = NewGrant::new(ClientName::new("shop")?, RefreshToken::new(issued.refresh_token)?);
//! let grant = keeper.import(grant).await?.id;
//!
//! // From now on, whenever the API is called:
//! let token = keeper.token(grant).await?;
//! assert_eq!(token.token_type(), "Bearer");
//! // client.get(url).header("authorization", token.authorization_header().as_str()) …
//! # Ok(()) }
//! ```
//!
//! # When there is no token
//!
//! [`Keeper::token`] answers from memory in nearly every call, and within ten seconds in the others. An error is a
//! [`proto::engine::Refusal`]: it says whether waiting helps, and carries a [`proto::diagnosis::Diagnosis`] with the
//! cause, the evidence and what helps. `NeedsReauthorization` is the one that only the user can end: lead them to
//! the link of [`Keeper::authorize`] with [`AuthorizationOptions::repair`], and the same grant lives again.
//!
//! A failure never displaces a token that is still good: such a token comes with a [`Token::warning`].
//!
//! # What the hard questions have for answers
//!
//! * *Two processes, one grant?* A lease in the store, with a fence. The loser waits and gets the winner's token.
//! * *The process dies between the provider's answer and the commit?* The attempt was journalled before it was sent;
//!   what may be done then depends on the provider's rotation policy ([`proto::provider::RotationKind`]).
//! * *The disk is full just then?* The credential goes into the lifeboat, a file that was allocated before.
//! * *The answer is lost?* The outcome is unknown, which is neither success nor failure: see
//!   [`proto::grant::may_present`].
//! * *The user signs in again while a refresh is under way?* The refresh is waited for, ten seconds at most; what it
//!   brings later is recorded and never used.
//!
//! # What has to be there
//!
//! A driver that runs; a disk that honours `fsync`; one host for one SQLite file.

pub mod clock;
pub mod http;

mod access;
mod authorize;
mod cache;
mod carrier;
mod check;
mod driver;
mod examine;
mod forecast;
mod import;
mod incident;
mod keeper;
mod once;
mod open;
mod outward;
mod random;
mod registration;
mod remedies;
mod resource;
mod return_url;
mod token;

pub use access::NewApiKey;
pub use authorize::{Authorization, AuthorizationOptions, AuthorizeError, DeviceLogin};
pub use carrier::{Carrier, GuardedCarrier};
pub use check::Checked;
pub use driver::Driver;
pub use evergrant_proto as proto;
pub use evergrant_store as store;
pub use examine::{Authentication, Discovery, Examined, How, RedirectAnswer};
pub use forecast::{Forecast, Horizon};
pub use keeper::{CompleteError, Keeper, KeeperParts, NewGrant, Rejection};
pub use open::{OpenError, OpenOptions, Opened};
pub use registration::{ClientChanges, ClientError, NewClient};
pub use resource::{ResourceRequest, SendError};
pub use return_url::{InvalidReturnUrl, ReturnUrl};
pub use token::{Token, TokenError};
