//! Runs commands as an operator types them, with all that they print, and ends those that would never end.

use std::{
    io::{BufRead as _, BufReader, Read},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

/// How often a command is asked whether it has ended.
const POLL: Duration = Duration::from_millis(20);

/// A folder in which commands run, and the project whose stack they are about.
#[derive(Clone, Debug)]
pub struct Shell {
    folder: PathBuf,
    project: String,
    settings: Vec<(String, String)>,
}

/// How a command has ended.
#[derive(Debug)]
pub struct Ended {
    /// Whether it ended by itself, with exit code 0.
    pub well: bool,
    /// Both of its outputs, as they came.
    pub output: String,
}

impl Shell {
    /// Commands for this compose project, in this folder.
    pub fn new(folder: &Path, project: &str) -> Self {
        Self {
            folder: folder.to_owned(),
            project: project.to_owned(),
            settings: Vec::new(),
        }
    }

    /// The same with a variable set.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.settings.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The compose project.
    pub fn project(&self) -> &str {
        &self.project
    }

    /// Runs a script to its end; it is killed where `deadline` has passed.
    pub async fn run(&self, script: &str, deadline: Duration) -> Ended {
        let mut running = self.start(script);
        let end = Instant::now() + deadline;
        let status = loop {
            match running.child.try_wait().expect("a child can be asked") {
                Some(status) => break Some(status),
                None if Instant::now() > end => break None,
                None => tokio::time::sleep(POLL).await,
            }
        };
        if status.is_none() {
            running.signal("KILL");
        }
        let mut output = running.finish().await;
        if status.is_none() {
            output.push_str("\n[killed: it did not end in time]");
        }
        Ended {
            well: status.is_some_and(|status| status.success()),
            output,
        }
    }

    /// Runs a script that has to end well. Panics with what it printed otherwise.
    pub async fn must(&self, script: &str, deadline: Duration) -> String {
        let ended = self.run(script, deadline).await;
        assert!(ended.well, "$ {script}\n{}", ended.output);
        ended.output
    }

    /// Runs a script that would not end until `enough` holds of its output, then ends it as Ctrl-C does. Whether it held
    /// before `deadline`, and the output.
    pub async fn run_until(
        &self,
        script: &str,
        deadline: Duration,
        enough: impl Fn(&str) -> bool,
    ) -> (bool, String) {
        let mut running = self.start(script);
        let end = Instant::now() + deadline;
        let held = loop {
            if enough(&running.so_far()) {
                break true;
            }
            let over = running.child.try_wait().is_ok_and(|status| status.is_some());
            if over || Instant::now() > end {
                break enough(&running.so_far());
            }
            tokio::time::sleep(POLL).await;
        };
        running.signal("INT");
        let patience = Instant::now() + Duration::from_secs(5);
        while running.child.try_wait().is_ok_and(|status| status.is_none()) {
            if Instant::now() > patience {
                running.signal("KILL");
            }
            tokio::time::sleep(POLL).await;
        }
        (held, running.finish().await)
    }

    fn start(&self, script: &str) -> Running {
        let mut command = Command::new("bash");
        command
            .args(["-euo", "pipefail", "-c", script])
            .current_dir(&self.folder)
            // Nobody's own settings, and no other project than this one.
            .env("COMPOSE_PROJECT_NAME", &self.project)
            .env("COMPOSE_PROGRESS", "plain")
            .env("BUILDKIT_PROGRESS", "plain")
            .envs(self.settings.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0);
        for name in OF_THE_STACK {
            if !self.settings.iter().any(|(set, _)| set == name) {
                command.env_remove(name);
            }
        }
        let mut child = command.spawn().expect("bash can be run");
        let output = Arc::new(Mutex::new(String::new()));
        let readers = vec![
            read(child.stdout.take().expect("a pipe"), Arc::clone(&output)),
            read(child.stderr.take().expect("a pipe"), Arc::clone(&output)),
        ];
        Running {
            child,
            output,
            readers,
        }
    }
}

/// What docker-compose.yml takes from the environment.
const OF_THE_STACK: [&str; 25] = [
    "BIND",
    "PORT",
    "PRIVATE_BIND",
    "TLS_BIND",
    "HTTPS_PORT",
    "HTTP_PORT",
    "TLS_CERTS",
    "OPEN_ACCESS",
    "ALLOWED_ORIGINS",
    "MAX_CONNECTIONS",
    "POSTGRES_PASSWORD",
    "MINIO_ROOT_USER",
    "MINIO_ROOT_PASSWORD",
    "LOG",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_TRACES_SAMPLER_ARG",
    "PROXY_HOPS",
    "EDGE_REPLICAS",
    "CHAT_REPLICAS",
    "PRESENCE_REPLICAS",
    "NOTIFICATION_REPLICAS",
    "FILE_REPLICAS",
    "COMPOSE_PROFILES",
    "COMPOSE_FILE",
    "COMPOSE_ENV_FILES",
];

struct Running {
    child: Child,
    output: Arc<Mutex<String>>,
    readers: Vec<std::thread::JoinHandle<()>>,
}

impl Running {
    fn so_far(&self) -> String {
        self.output.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// To the whole group: to what the shell has started, too.
    fn signal(&self, signal: &str) {
        let group = format!("-{}", self.child.id());
        let _ = Command::new("kill")
            .args(["-s", signal, "--", &group])
            .stderr(Stdio::null())
            .status();
    }

    async fn finish(mut self) -> String {
        let all = tokio::task::spawn_blocking(move || {
            let _ = self.child.wait();
            for reader in self.readers {
                let _ = reader.join();
            }
            self.output.lock().unwrap_or_else(PoisonError::into_inner).clone()
        });
        all.await.expect("no panic")
    }
}

fn read(from: impl Read + Send + 'static, into: Arc<Mutex<String>>) -> std::thread::JoinHandle<()> {
    std::thread::spawn(move || {
        let mut lines = BufReader::new(from);
        let mut line = Vec::new();
        while lines.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
            let mut output = into.lock().unwrap_or_else(PoisonError::into_inner);
            output.push_str(&String::from_utf8_lossy(&line));
            line.clear();
        }
    })
}
