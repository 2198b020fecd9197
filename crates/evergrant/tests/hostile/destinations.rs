//! Token endpoints that may not be reached: nothing leaves, and the text says what would have to be allowed.

use evergrant::{
    http::EgressConfig,
    proto::{diagnosis::Actor, engine::Refusal, failure::Culprit},
};

use crate::{provider::Provider, world::World};

/// A grant of a client at this address, as the default rules see it.
async fn guarded(token_endpoint: &str) -> (World, Refusal, String) {
    let provider = Provider::start().await;
    let address = provider.address.to_string();
    let url = token_endpoint.replace("{provider}", &address);
    let world = World::at(provider, &url, EgressConfig::default(), None).await;
    let (refusal, told) = world.refused().await;
    (world, refusal, told)
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_that_are_not_public_are_refused_and_the_remedy_is_named() {
    for (url, what) in [
        ("https://{provider}/token", "127.0.0.1 is a loopback address"),
        ("https://localhost/token", "a loopback address"),
        ("https://10.1.2.3/token", "10.1.2.3 is a private address"),
        ("https://0x7f.1/token", "127.0.0.1 is a loopback address"),
        ("https://169.254.169.254/latest/meta-data", "169.254.169.254 is a link-local address"),
        ("https://[::ffff:10.0.0.1]/token", "an IPv4-mapped address"),
        ("https://[fd00::1]/token", "a private address"),
    ] {
        let (world, refusal, told) = guarded(url).await;
        assert!(told.contains(what), "{url}: {told}");
        assert!(told.contains("to allow it, add its network to `allow_networks`"), "{url}: {told}");
        is_ours_to_mend(&world, &refusal).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_http_is_refused_and_the_remedy_is_named() {
    for (url, remedy) in [
        ("http://{provider}/token", "set `allow_loopback_http`"),
        ("http://localhost/token", "set `allow_loopback_http`"),
        ("http://provider.example/token", "use https"),
        ("http://10.1.2.3/token", "use https"),
    ] {
        let (world, refusal, told) = guarded(url).await;
        assert!(told.contains("plain HTTP is not allowed"), "{url}: {told}");
        assert!(told.contains(remedy), "{url}: {told}");
        is_ours_to_mend(&world, &refusal).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn once_the_operator_allows_the_address_the_grant_resumes_by_itself() {
    let (world, refusal, _) = guarded("http://{provider}/token").await;
    is_ours_to_mend(&world, &refusal).await;
    let egress = EgressConfig { allow_loopback_http: true, ..EgressConfig::default() };
    world.restarted_with(egress).await.recovers().await;
}

async fn is_ours_to_mend(world: &World, refusal: &Refusal) {
    assert!(matches!(refusal, Refusal::RequestRefused(_)), "{refusal:?}");
    assert!(world.provider.requests().is_empty(), "nothing may leave");
    let diagnosis = world.diagnosis().await;
    assert_ne!(diagnosis.culprit, Culprit::Grant);
    assert!(diagnosis.remedies.iter().any(|remedy| remedy.actor == Actor::Operator), "{diagnosis:?}");
    world.nothing_leaked().await;
}
