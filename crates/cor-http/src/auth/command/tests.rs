use super::*;

fn command(script: &str) -> TokenCommand {
    TokenCommand::new(["/bin/sh", "-c", script].map(OsString::from).to_vec())
}

fn refused(command: &TokenCommand) -> String {
    let error = command.run(&Process::default()).map(drop).unwrap_err();
    assert_eq!(error.kind(), cor_core::ErrorKind::Auth);
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains("hush-0123456789"), "a secret in {shown}");
    error.chain()
}

#[test]
fn token_is_command_output_without_line_end() {
    for script in
        ["printf hush-0123456789", "echo hush-0123456789", "printf 'hush-0123456789\\r\\n'; echo note >&2"]
    {
        let token = command(script).run(&Process::default()).unwrap();
        assert_eq!(token.expose_secret(), "hush-0123456789", "{script}");
    }
}

#[test]
fn error_shows_standard_error_never_standard_output() {
    for (script, says) in [
        (
            "echo hush-0123456789; echo 'not signed in' >&2; exit 3",
            "failed (exit status 3): not signed in; run the",
        ),
        ("echo hush-0123456789; echo 'got hush-0123456789' >&2; exit 1", "got [hidden]"),
        ("kill -9 $$", "failed (signal 9)"),
        ("echo locked >&2", "printed no token: locked"),
        ("echo two hush-0123456789", "holds spaces"),
        ("yes hush-0123456789", "took longer than 1"),
        ("head -c 70000 /dev/zero", "printed more than 64 KiB"),
        ("for n in 1 2 3 4; do echo line $n >&2; done; exit 1", "line 1; line 2; line 3; run"),
        ("printf '%3000s\\nlocked' '' >&2; exit 1", "failed (exit status 1): locked; run"),
        ("printf 'a\\tb\\033[1m' >&2; exit 1", "failed (exit status 1): a b [1m; run"),
    ] {
        let mut command = command(script);
        command.longest = Duration::from_secs(1);
        let text = refused(&command);
        assert!(text.contains(says), "{script}: {text:?} does not say {says:?}");
    }
    let missing = TokenCommand::new(vec!["/no/such/program".into(), "hush-0123456789".into()]);
    assert_eq!(format!("{missing:?}"), "TokenCommand(\"/no/such/program\")");
    let text = refused(&missing);
    assert!(
        text.starts_with(
            "could not get a token: the token command \"/no/such/program\" could not be started"
        ),
        "{text}"
    );
}

#[test]
fn ends_command_that_runs_too_long() {
    let mut slow = command("exec sleep 600");
    slow.longest = Duration::from_millis(50);
    assert!(refused(&slow).contains("took longer than 50ms"));
    let process = Process::default();
    slow.run(&process).unwrap_err();
    assert!(process.state().child.is_none(), "it was ended, and its exit status collected");
    let abandoned = Process::default();
    abandoned.abandon();
    assert!(command("sleep 600").run(&abandoned).unwrap_err().to_string().contains("no call waits"));
}

#[test]
fn background_process_with_pipes_does_not_delay_token() {
    for script in ["sleep 15 & echo hush-0123456789", "sleep 15 >&2 & echo hush-0123456789; echo note >&2"] {
        let mut command = command(script);
        command.longest = Duration::from_secs(10);
        let begun = Instant::now();
        let token = command.run(&Process::default()).unwrap();
        assert_eq!(token.expose_secret(), "hush-0123456789", "{script}");
        assert!(
            begun.elapsed() < Duration::from_secs(10),
            "{script}: it waited for the process in the background"
        );
    }
    let text = refused(&command("sleep 15 & echo locked >&2; exit 3"));
    assert!(text.contains("failed (exit status 3): locked"), "{text}");
}

#[test]
fn abandon_ends_command() {
    let process = Process::default();
    let (output, _errors) = process.start(Command::new("/bin/sleep").arg("600")).unwrap();
    process.abandon();
    // The pipe ends with the process, although no thread waits for it.
    output.ended.recv_timeout(Duration::from_secs(60)).unwrap().unwrap();
    drop(Ended(&process));
    assert!(process.start(Command::new("/bin/sleep").arg("600")).is_err_and(|error| error.is_none()));
}

/// Returns one result after the other, and then the end.
struct Pieces(Vec<io::Result<&'static str>>);

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.0.is_empty() {
            return Ok(0);
        }
        let piece = self.0.remove(0)?;
        buffer[..piece.len()].copy_from_slice(piece.as_bytes());
        Ok(piece.len())
    }
}

#[test]
fn reads_on_after_interruption_and_ends_at_error() {
    let interrupted = || Err(io::ErrorKind::Interrupted.into());
    let broken = || Err(io::ErrorKind::BrokenPipe.into());
    for (pieces, read, result) in [
        (vec![Ok("a"), interrupted(), Ok("b")], "ab", Ok(())),
        (vec![Ok("a"), broken(), Ok("b")], "a", Err(io::ErrorKind::BrokenPipe)),
        (vec![Ok("abc"), Ok("def")], "abcd", Ok(())),
    ] {
        let output = Mutex::new(Some(Output::with_capacity(4)));
        assert_eq!(read_to_end(Pieces(pieces), 4, &output).map_err(|error| error.kind()), result);
        let output = output.into_inner().unwrap().unwrap();
        assert_eq!((&*output.bytes, output.is_cut), (read.as_bytes(), read == "abcd"));
    }
}
