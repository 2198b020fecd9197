use std::{fs::OpenOptions, process::Stdio};

use crate::support::{Live, World};

#[tokio::test]
async fn a_token_that_cannot_be_written_is_an_error() {
    let world = World::new().await;
    world.add_client().await;
    let grant = world.import().await;
    let mut command = world.program(&["token", &grant]);
    command.stdout(OpenOptions::new().write(true).open("/dev/full").unwrap());
    let said = Live::of(command).finish().await.bad(1);
    assert!(said.contains("cannot write to stdout"), "{said}");
}

#[tokio::test]
async fn a_reader_that_has_gone_is_no_error() {
    let world = World::new().await;
    world.add_client().await;
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = world.program(&["clients", "list"]);
    command.stdout(Stdio::from(writer));
    Live::of(command).finish().await.good();
}

#[tokio::test]
async fn an_error_for_programs_is_one_line_on_stderr() {
    let world = World::new().await;
    let commands = [
        vec!["token", "g_00000000000000000000000000000001", "--format", "json"],
        vec!["clients", "show", "none", "--format", "json"],
        vec!["grants", "show", "g_00000000000000000000000000000001", "--format", "json"],
        vec!["connect", "none", "--format", "json"],
    ];
    for arguments in commands {
        let mut command = world.program(&arguments);
        command.env("EVERGRANT_LOG", "warn");
        let done = Live::of(command).finish().await;
        assert_eq!((done.code, done.stdout.as_str()), (8, ""), "{arguments:?}: {done:?}");
        let problem: serde_json::Value = serde_json::from_str(done.stderr.trim_end()).unwrap();
        assert_eq!(problem["exit"], "not_found", "{arguments:?}");
        assert!(problem["next"].is_string(), "{arguments:?}");
    }
}

#[tokio::test]
async fn nothing_is_coloured_where_nobody_looks() {
    let world = World::new().await;
    world.add_client().await;
    let done = world.run(&["clients", "list"]).await;
    assert!(!done.stdout.contains('\u{1b}') && !done.stderr.contains('\u{1b}'));
}

#[tokio::test]
async fn help_names_the_exit_codes() {
    let world = World::new().await;
    let help = world.run(&["--help"]).await.good();
    for line in ["3    the grant needs re-authorization", "7    the store", "130  interrupted"] {
        assert!(help.contains(line), "{line} is missing in {help}");
    }
}
