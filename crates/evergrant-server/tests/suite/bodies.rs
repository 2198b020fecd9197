use crate::world::World;

/// Every route that takes a body.
const ROUTES: [(&str, &str); 4] = [
    ("POST", "/v1/clients"),
    ("PATCH", "/v1/clients/shop"),
    ("POST", "/v1/grants"),
    ("POST", "/v1/authorizations"),
];

#[tokio::test]
async fn what_is_no_fit_body_is_refused_by_every_route() {
    let world = World::new().await;
    for (method, path) in ROUTES {
        let request = || world.request(method.parse().unwrap(), path);
        let json = |body: Vec<u8>| request().header("content-type", "application/json").body(body);
        world.send(request()).await.problem(415, "unsupported_media_type");
        world
            .send(request().body("{}").header("content-type", "text/plain"))
            .await
            .problem(415, "unsupported_media_type");
        world.send(json(vec![b' '; 64 * 1024 + 1])).await.problem(413, "body_too_large");
        for unfit in [&b""[..], b"{", b"[]", b"null", b"\xff\xfe", b"{\"\xff\":1}", b"client=shop"] {
            world.send(json(unfit.to_vec())).await.problem(400, "invalid_body");
        }
        let unknown = world.send(json(br#"{"nonsense":1}"#.to_vec())).await.problem(400, "invalid_body");
        assert!(unknown["detail"].as_str().unwrap().contains("unknown field `nonsense`"), "{unknown}");
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_is_refused_and_nothing_is_added() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let world = World::empty().await;
    let mut stream =
        tokio::net::TcpStream::connect(world.url.strip_prefix("http://").unwrap()).await.unwrap();
    let head = format!(
        "POST /v1/clients HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\ncontent-length: 500\r\n\r\n{{\"name\":",
        world.key.expose()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = Vec::new();
    // Whether the server still answers a caller that has hung up is its choice.
    let _ = stream.read_to_end(&mut answer).await;
    assert_eq!(world.get("/v1/clients").await.ok()["clients"].as_array().unwrap().len(), 0);
}
