//! The chapters of the document: what an operation is about.

/// One chapter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Area {
    Tokens,
    Grants,
    Authorizations,
    Clients,
    Providers,
    Events,
    Webhooks,
    ApiKeys,
    Namespaces,
    Pages,
    Server,
}

impl Area {
    /// In the order of the document.
    pub(super) const ALL: [Self; 11] = [
        Self::Tokens,
        Self::Grants,
        Self::Authorizations,
        Self::Clients,
        Self::Providers,
        Self::Events,
        Self::Webhooks,
        Self::ApiKeys,
        Self::Namespaces,
        Self::Pages,
        Self::Server,
    ];

    /// Its heading, and what it is about.
    pub(super) fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Tokens => {
                ("Access tokens", "What programs ask for all day: a token that works, or why there is none.")
            }
            Self::Grants => ("Grants", "What one user gave to one client: kept alive here."),
            Self::Authorizations => (
                "Authorizations",
                "Links that lead a user through the provider, to a new grant or back to the same one.",
            ),
            Self::Clients => ("Clients", "Your registrations at providers."),
            Self::Providers => ("Providers", "The catalogue of authorization servers."),
            Self::Events => ("Events", "What happens to grants and clients, page by page or as it happens."),
            Self::Webhooks => {
                ("Webhooks", "Who is told of incidents, by signed messages (Standard Webhooks).")
            }
            Self::ApiKeys => ("API keys", "Who may ask this server, and for what."),
            Self::Namespaces => {
                ("Namespaces", "The tenant boundaries: every client, grant, key and event belongs to one.")
            }
            Self::Pages => (
                "Pages for people",
                "What browsers are sent to. They take no key; a link says whom it is for.",
            ),
            Self::Server => (
                "The server itself",
                "For load balancers, monitoring and programs that read this document. They take no key.",
            ),
        }
    }

    /// Its heading alone.
    pub(super) fn title(self) -> &'static str {
        self.words().0
    }
}
