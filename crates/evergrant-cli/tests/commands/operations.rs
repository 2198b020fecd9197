//! The server as an operator has it: its certificate, what it keeps to itself, what it tells the system, its log.
#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use std::{
    fs::{self, Permissions},
    os::unix::{
        fs::{MetadataExt, PermissionsExt, chown},
        net::UnixDatagram,
    },
    path::Path,
};

use rcgen::{CertificateParams, KeyPair};
use rustix::process::Signal;
use serde_json::Value;

use crate::support::{Live, World};

/// Puts a new certificate there, and gives it.
fn issue(folder: &Path) -> reqwest::Certificate {
    let key = KeyPair::generate().unwrap();
    let certificate =
        CertificateParams::new(vec!["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
    fs::write(folder.join("key.pem"), key.serialize_pem()).unwrap();
    fs::set_permissions(folder.join("key.pem"), Permissions::from_mode(0o600)).unwrap();
    fs::write(folder.join("chain.pem"), certificate.pem()).unwrap();
    reqwest::Certificate::from_pem(certificate.pem().as_bytes()).unwrap()
}

/// Where it listens, behind the lines about keys.
async fn address(program: &mut Live) -> String {
    loop {
        let line = program.first_line().await;
        if let Some(rest) = line.strip_prefix("listening on ") {
            return rest.split_once(", store ").unwrap().0.to_owned();
        }
    }
}

/// Whether `/readyz` answers over TLS to somebody who trusts this certificate alone.
async fn is_ready(address: &str, trusted: &reqwest::Certificate) -> bool {
    let builder = reqwest::Client::builder().tls_certs_only([trusted.clone()]).no_proxy();
    let http = builder.resolve("localhost", address.parse().unwrap()).build().unwrap();
    let port = address.rsplit(':').next().unwrap();
    let answer = http.get(format!("https://localhost:{port}/readyz")).send().await;
    answer.is_ok_and(|answer| answer.status() == 200)
}

#[tokio::test]
async fn a_certificate_is_served_and_renewed_on_sighup_and_a_broken_one_is_told() {
    let world = World::new().await;
    let folder = world.directory.path();
    let old = issue(folder);
    let mut program = world.start(&[
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--tls-certificate",
        "chain.pem",
        "--tls-key",
        "key.pem",
    ]);
    let address = address(&mut program).await;
    assert!(is_ready(&address, &old).await);
    let tls = ["--tls-certificate", "chain.pem", "--tls-key", "key.pem"];
    let health = world.run(&[&["health", "--listen", &address], &tls[..]].concat()).await.good();
    assert_eq!(health, "ready");
    world.run(&["health", "--listen", &address]).await.bad(1);

    fs::write(folder.join("key.pem"), "canary: no key").unwrap();
    program.signal(Signal::HUP);
    let told = program.line_with("the old one is served on").await;
    assert!(told.contains("key.pem") && !told.contains("canary"), "{told}");
    assert!(is_ready(&address, &old).await);

    let renewed = issue(folder);
    assert!(!is_ready(&address, &renewed).await);
    program.signal(Signal::HUP);
    program.line_with("a renewed certificate is served").await;
    assert!(is_ready(&address, &renewed).await);
    assert!(!is_ready(&address, &old).await);
    program.signal(Signal::TERM);
    program.finish().await.good();
}

#[tokio::test]
async fn without_a_certificate_the_end_of_its_terminal_stops_a_server() {
    let world = World::new().await;
    let mut program = world.start(&["serve", "--listen", "127.0.0.1:0"]);
    address(&mut program).await;
    program.signal(Signal::HUP);
    program.finish().await.good();
}

#[tokio::test]
async fn a_server_dumps_no_core_shows_its_memory_to_nobody_and_makes_files_for_itself_alone() {
    let world = World::new().await;
    let mut command = world.program(&["serve", "--listen", "127.0.0.1:0"]);
    let root = rustix::process::geteuid().is_root();
    if root {
        // What the system hides of a process from its own user shows only if that is not root.
        fs::create_dir(world.directory.path().join("data")).unwrap();
        for path in [world.directory.path().to_owned(), world.directory.path().join("data")] {
            chown(path, Some(65534), Some(65534)).unwrap();
        }
        command.uid(65534).gid(65534);
    }
    let mut program = Live::of(command);
    address(&mut program).await;
    let process = Path::new("/proc").join(program.id().to_string());
    let limits = fs::read_to_string(process.join("limits")).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().skip(4).take(2).collect::<Vec<_>>(), ["0", "0"], "{core}");
    let status = fs::read_to_string(process.join("status")).unwrap();
    assert!(status.lines().any(|line| line == "Umask:\t0077"), "{status}");
    // A process that cannot be dumped is root's, whoever runs it (proc(5)): nobody else attaches to it.
    assert_eq!(fs::metadata(process.join("environ")).unwrap().uid(), 0);
    assert_ne!(status.lines().find(|line| line.starts_with("Uid:")).unwrap(), "Uid:\t0\t0\t0\t0");
    for entry in fs::read_dir(world.directory.path().join("data")).unwrap() {
        let metadata = entry.unwrap().metadata().unwrap();
        assert_eq!(metadata.mode() & 0o077, 0);
    }
    program.signal(Signal::TERM);
    program.finish().await.good();
}

#[tokio::test]
async fn systemd_hears_when_a_server_is_ready_and_when_it_stops() {
    let world = World::new().await;
    let socket = world.directory.path().join("notify");
    let listening = UnixDatagram::bind(&socket).unwrap();
    let mut command = world.program(&["serve", "--listen", "127.0.0.1:0"]);
    command.env("NOTIFY_SOCKET", &socket);
    let mut program = Live::of(command);
    let address = address(&mut program).await;
    let heard = |listening: UnixDatagram| {
        tokio::task::spawn_blocking(move || {
            let mut told = [0; 64];
            let length = listening.recv(&mut told).unwrap();
            (String::from_utf8(told[..length].to_vec()).unwrap(), listening)
        })
    };
    let (told, listening) = heard(listening).await.unwrap();
    assert_eq!(told, "READY=1");
    let ready = reqwest::get(format!("http://{address}/readyz")).await.unwrap();
    assert_eq!(ready.status(), 200, "who is called ready answers");
    assert_eq!(world.run(&["health", "--listen", &address]).await.good(), "ready");
    program.signal(Signal::TERM);
    assert_eq!(heard(listening).await.unwrap().0, "STOPPING=1");
    program.finish().await.good();
}

#[tokio::test]
async fn in_json_every_line_of_the_log_is_one_object_of_the_documented_form() {
    let world = World::new().await;
    let arguments = ["serve", "--listen", "127.0.0.1:0", "--log", "info", "--log-format", "json"];
    let mut command = world.program(&arguments);
    command.env_remove("EVERGRANT_LOG");
    // The first start says more, for the person who sees it.
    world.run(&["api-keys", "create", "first", "--scope", "read-token"]).await.good();
    let mut program = Live::of(command);
    let address = address(&mut program).await;
    let request = reqwest::Client::new().get(format!("http://{address}/livez"));
    request.header("x-request-id", "trace-1").send().await.unwrap();
    program.signal(Signal::TERM);
    let done = program.finish().await;
    let lines: Vec<Value> = done.stderr.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    done.good();
    for line in &lines {
        let members: Vec<_> = line.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(members, ["fields", "level", "target", "timestamp"], "{line}");
        assert!(line["target"].as_str().unwrap().starts_with("evergrant"), "{line}");
    }
    let answered = lines.iter().find(|line| line["fields"]["message"] == "answered").unwrap();
    let fields = &answered["fields"];
    assert_eq!(answered["target"], "evergrant::http");
    assert_eq!(
        (&fields["request"], &fields["route"], &fields["status"]),
        (&"trace-1".into(), &"/livez".into(), &200.into())
    );
    let notes: Vec<_> = lines.iter().filter_map(|line| line["fields"]["note"].as_str()).collect();
    assert!(notes.iter().any(|note| note.starts_with("stopping")), "{notes:?}");
}

fn packaging() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packaging")
}

#[tokio::test]
async fn what_is_packaged_names_settings_that_there_are_and_starts() {
    let world = World::new().await;
    let manual = fs::read_to_string(packaging().join("../docs/configuration.md")).unwrap();
    for name in ["evergrant.service", "Containerfile"] {
        let text = fs::read_to_string(packaging().join(name)).unwrap();
        let is_part = |letter: char| letter.is_ascii_uppercase() || letter == '_';
        let variables = text.split(|letter| !is_part(letter)).filter(|word| word.starts_with("EVERGRANT_"));
        for variable in variables.filter(|variable| *variable != "EVERGRANT_CONFIG") {
            assert!(manual.contains(&format!("`{variable}`")), "{name}: {variable}");
        }
    }
    let settings = packaging().join("evergrant.toml");
    world.run(&["config", "check", "--config", settings.to_str().unwrap()]).await.good();
}

#[test]
fn the_unit_is_one_that_systemd_takes() {
    let unit = fs::read_to_string(packaging().join("evergrant.service")).unwrap();
    for needed in [
        "Type=notify",
        "DynamicUser=yes",
        "StateDirectory=evergrant",
        "ProtectSystem=strict",
        "NoNewPrivileges=yes",
        "LimitCORE=0",
    ] {
        assert!(unit.lines().any(|line| line == needed), "{needed}");
    }
    assert!(unit.contains("LoadCredential=sealing.key:"));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("evergrant.service");
    // Every line counts, also the ones to be uncommented; the program is elsewhere here.
    let whole = unit.replace("/usr/local/bin/evergrant", env!("CARGO_BIN_EXE_evergrant"));
    let whole: Vec<_> = whole.lines().map(uncommented).collect();
    fs::write(&path, whole.join("\n")).unwrap();
    match std::process::Command::new("systemd-analyze").arg("verify").arg(&path).output() {
        Ok(verified) => {
            let told = String::from_utf8_lossy(&verified.stderr);
            assert!(verified.status.success() && !told.contains("evergrant.service"), "{told}");
        }
        Err(error) => println!("systemd-analyze is not here, so it was not asked: {error}"),
    }
}

/// A line that is a setting behind its sign of a comment.
fn uncommented(line: &str) -> &str {
    match line.strip_prefix('#') {
        Some(setting) if !setting.starts_with(' ') && setting.contains('=') => setting,
        _ => line,
    }
}

#[test]
fn the_container_file_has_known_instructions_and_runs_as_nobody_in_particular() {
    const KNOWN: [&str; 12] = [
        "FROM",
        "WORKDIR",
        "COPY",
        "RUN",
        "USER",
        "VOLUME",
        "EXPOSE",
        "ENV",
        "STOPSIGNAL",
        "HEALTHCHECK",
        "ENTRYPOINT",
        "CMD",
    ];
    let text = fs::read_to_string(packaging().join("Containerfile")).unwrap();
    let joined = text.replace("\\\n", " ");
    let lines: Vec<_> = joined.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    for line in &lines {
        let (instruction, arguments) = line.split_once(' ').unwrap();
        assert!(KNOWN.contains(&instruction), "{line}");
        // The forms that need no shell are JSON.
        if ["ENTRYPOINT", "CMD"].contains(&instruction) {
            serde_json::from_str::<Vec<String>>(arguments).unwrap();
        }
    }
    let last_stage = lines.iter().rposition(|line| line.starts_with("FROM ")).unwrap();
    assert!(lines[last_stage..].contains(&"USER 65532:65532"));
    let health = lines.iter().find(|line| line.starts_with("HEALTHCHECK")).unwrap();
    let command = health.split_once(" CMD ").unwrap().1;
    assert_eq!(serde_json::from_str::<Vec<String>>(command).unwrap(), ["/usr/local/bin/evergrant", "health"]);
}
