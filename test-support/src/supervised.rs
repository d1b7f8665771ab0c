//! A child process that can be stopped and started again, and that never outlives the test process.

use std::{
    ffi::OsString,
    fs,
    io::Write,
    os::unix::{fs::MetadataExt, process::CommandExt},
    path::PathBuf,
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    sync::{Mutex, MutexGuard},
    time::Duration,
};

use crate::{output::Output, wait};

/// Runs the command in the shell's own place (so its pid is the child's), after starting a watcher in a session of its
/// own. The watcher reads the child's original standard input: a line tells it that the process has ended and its work is
/// done, the end of the pipe that the test process is gone or wants the process stopped.
const SHELL: &str = r#"
signal=$1; directory=$2; shift 2
exec 3<&0 </dev/null
setsid --fork sh -c '
    read -r line && exit
    kill -s CONT "$1"; kill -s "$2" "$1"
    tries=0
    while [ "$tries" -lt 50 ] && grep -q "^State:.[^ZX]" "/proc/$1/status"; do sleep 0.1; tries=$((tries + 1)); done
    kill -s KILL "$1"
    [ -z "$3" ] || rm -rf -- "$3"
' watcher "$$" "$signal" "$directory" <&3 3<&- >/dev/null 2>&1
exec "$@" 3<&-
"#;

/// What to run.
#[derive(Clone, Debug)]
pub struct Spec {
    /// What failure messages call it.
    pub name: String,
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// Its whole environment but for `PATH`, `HOME`, `TMPDIR` and `RUST_BACKTRACE`, which it gets from the test process.
    pub env: Vec<(String, OsString)>,
    /// Its working directory.
    pub directory: PathBuf,
    /// The signal that asks it to end, without `SIG`.
    pub stop_signal: &'static str,
    /// The signal that ends it when it is dropped or the test process is gone. `KILL` unless that leaves something behind.
    pub end_signal: &'static str,
    /// A directory that is removed when the test process ends without dropping it (a `static`, a kill).
    pub remove: Option<PathBuf>,
}

/// A process with its verbs. Dropping it ends the process at once (`end_signal`, SIGKILL after 5 s) and waits for that.
pub struct Supervised {
    spec: Spec,
    output: Output,
    running: Mutex<Running>,
}

#[derive(Default)]
struct Running {
    child: Option<Child>,
    watcher: Option<ChildStdin>,
    last_exit: Option<ExitStatus>,
}

impl Supervised {
    /// Starts the process.
    pub fn start_new(spec: Spec) -> Self {
        let supervised = Self::prepare(spec);
        supervised.start();
        supervised
    }

    /// The process before it is started the first time.
    pub fn prepare(spec: Spec) -> Self {
        Self {
            spec,
            output: Output::default(),
            running: Mutex::default(),
        }
    }

    /// Starts the process, again with the same settings where it has run before. Panics where it still runs.
    pub fn start(&self) {
        let mut running = self.guard();
        assert!(
            running.exit().is_some() || running.child.is_none(),
            "{} runs already",
            self.spec.name
        );
        let mut command = Command::new("sh");
        command
            .args(["-c", SHELL, "sh", self.spec.end_signal])
            .arg(self.spec.remove.clone().unwrap_or_default())
            .arg(&self.spec.program)
            .args(&self.spec.args)
            .current_dir(&self.spec.directory)
            .env_clear()
            .envs(inherited())
            .envs(self.spec.env.iter().cloned())
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command
            .spawn()
            .unwrap_or_else(|error| panic!("{} did not start: {error}", self.spec.name));
        self.output
            .collect(child.stdout.take().expect("standard output is piped"));
        self.output
            .collect(child.stderr.take().expect("standard error is piped"));
        *running = Running {
            watcher: child.stdin.take(),
            child: Some(child),
            last_exit: None,
        };
    }

    fn guard(&self) -> MutexGuard<'_, Running> {
        self.running
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// What it was started with.
    pub fn spec(&self) -> &Spec {
        &self.spec
    }

    /// What it has written, over all its restarts.
    pub fn output(&self) -> &Output {
        &self.output
    }

    /// Its process id while it runs.
    pub fn pid(&self) -> Option<u32> {
        let mut running = self.guard();
        running
            .exit()
            .is_none()
            .then(|| running.child.as_ref().map(Child::id))
            .flatten()
    }

    /// How it ended, `None` while it runs and before it is started.
    pub fn exit(&self) -> Option<ExitStatus> {
        self.guard().exit()
    }

    /// Waits for its end and for the last of its output. Panics with its output after `deadline`.
    pub async fn exited(&self, deadline: Duration) -> ExitStatus {
        let what = format!("{} ends", self.spec.name);
        let ended = wait::spawnable::eventually(deadline, &what, || async { self.exit() });
        let exit = self.explained(ended).await;
        wait::spawnable::until(deadline, "its output ends", || async {
            self.output.is_complete()
        })
        .await;
        exit
    }

    /// Waits until `ready` holds. Panics with its output after `deadline`, or as soon as the process has ended.
    pub async fn ready<F: Future<Output = bool>>(&self, deadline: Duration, ready: impl FnMut() -> F) {
        let what = format!("{} is ready", self.spec.name);
        let outcome = async {
            tokio::select! {
                biased;
                exit = wait::spawnable::eventually(deadline, &what, || async { self.exit() }) => Some(exit),
                () = wait::spawnable::until(deadline, &what, ready) => None,
            }
        };
        if let Some(exit) = self.explained(outcome).await {
            panic!(
                "{} ended before it was ready, {exit}:\n{}",
                self.spec.name,
                self.output.tail()
            );
        }
    }

    /// Prints the output of the process where `wait` panics.
    async fn explained<T>(&self, wait: impl Future<Output = T>) -> T {
        struct OnPanic<'a>(&'a Supervised);
        impl Drop for OnPanic<'_> {
            fn drop(&mut self) {
                if std::thread::panicking() {
                    let _ = writeln!(
                        std::io::stderr(),
                        "{} wrote:\n{}",
                        self.0.spec.name,
                        self.0.output.tail()
                    );
                }
            }
        }
        let _on_panic = OnPanic(self);
        wait.await
    }

    /// Sends a signal (`TERM`, `HUP`, …) to the process, not to its children. Nothing happens where it has ended.
    pub fn signal(&self, signal: &str) {
        let mut running = self.guard();
        if running.exit().is_none()
            && let Some(child) = &running.child
        {
            send(signal, &[child.id()]);
        }
    }

    /// Asks it to end and waits for that. Panics with its output where it still runs after `deadline`.
    pub async fn stop(&self, deadline: Duration) -> ExitStatus {
        self.signal(self.spec.stop_signal);
        self.exited(deadline).await
    }

    /// SIGKILL to the process and all its descendants at once; returns when all are gone.
    pub async fn kill(&self) {
        let family = {
            let mut running = self.guard();
            if running.exit().is_some() {
                return;
            }
            let Some(child) = &running.child else { return };
            send("STOP", &[child.id()]);
            let family = family(child.id());
            send("KILL", &family);
            family
        };
        self.exited(wait::SOON).await;
        let family = &family;
        wait::spawnable::until(wait::SOON, "its children are gone", || async {
            !family.iter().any(|pid| is_alive(*pid))
        })
        .await;
    }

    /// SIGSTOP to the process and all its descendants: connections stay open, nothing answers.
    pub fn pause(&self) {
        if let Some(pid) = self.pid() {
            send("STOP", &[pid]);
            send("STOP", &family(pid));
        }
    }

    /// Ends [`Self::pause`].
    pub fn resume(&self) {
        if let Some(pid) = self.pid() {
            send("CONT", &family(pid));
        }
    }
}

impl Drop for Supervised {
    fn drop(&mut self) {
        let mut running = self.guard();
        if running.exit().is_some() {
            return;
        }
        // The end of the pipe makes the watcher stop the process; a paused family has to hear of it.
        if let Some(child) = &running.child {
            send("CONT", &family(child.id()));
        }
        drop(running.watcher.take());
        if let Some(child) = &mut running.child {
            let _ = child.wait();
        }
    }
}

impl Running {
    /// The exit status once it has ended; tells the watcher, so that it never signals a pid that was given away.
    fn exit(&mut self) -> Option<ExitStatus> {
        if let Some(child) = &mut self.child
            && let Ok(Some(exit)) = child.try_wait()
        {
            if let Some(mut watcher) = self.watcher.take() {
                let _ = watcher.write_all(b"ended\n");
            }
            self.child = None;
            self.last_exit = Some(exit);
        }
        self.last_exit
    }
}

fn inherited() -> impl Iterator<Item = (&'static str, OsString)> {
    ["PATH", "HOME", "TMPDIR", "RUST_BACKTRACE"]
        .into_iter()
        .filter_map(|name| Some((name, std::env::var_os(name)?)))
}

fn send(signal: &str, pids: &[u32]) {
    let _ = Command::new("sh")
        .args(["-c", r#"kill -s "$@""#, "sh", signal])
        .args(pids.iter().map(u32::to_string))
        .stderr(Stdio::null())
        .status();
}

/// A process and all its descendants, the process first.
fn family(root: u32) -> Vec<u32> {
    let parents: Vec<(u32, u32)> = fs::read_dir("/proc")
        .expect("/proc is mounted")
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(|pid| Some((pid, stat(pid)?.1)))
        .collect();
    let mut family = vec![root];
    let mut next = 0;
    while let Some(parent) = family.get(next).copied() {
        family.extend(
            parents
                .iter()
                .filter(|(_, its)| *its == parent)
                .map(|(pid, _)| *pid),
        );
        next += 1;
    }
    family
}

/// The number of the user whose rights we have, and with us what we start.
pub(crate) fn user() -> u32 {
    fs::metadata("/proc/self").expect("/proc is mounted").uid()
}

/// Whether a process exists and is more than a zombie.
pub fn is_alive(pid: u32) -> bool {
    stat(pid).is_some_and(|(state, _)| state != 'Z' && state != 'X')
}

/// State and parent of a process.
fn stat(pid: u32) -> Option<(char, u32)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name before the last bracket may hold anything, blanks included.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    Some((fields.next()?.chars().next()?, fields.next()?.parse().ok()?))
}
