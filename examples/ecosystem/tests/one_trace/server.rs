//! `PostgreSQL` and Redis for one test, in a temporary directory, reached by a socket in it: no port, nothing that
//! is there already, nothing left behind.
//!
//! As root `PostgreSQL` runs as another user, since it refuses to be root.

use anyhow::{Context as _, Result, ensure};
use sqlx::{
    PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use std::{
    env,
    os::unix::{fs::chown, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// How long a server may take to begin.
const PATIENCE: Duration = Duration::from_mins(1);

/// Says which folder holds the programs of `PostgreSQL`.
const POSTGRES: &str = "CONTINUUM_TEST_POSTGRES";

/// The servers that run.
pub(crate) struct Servers {
    folder: TempDir,
    programs: PathBuf,
    user: Option<(u32, u32)>,
    redis: Child,
}

/// The folder with the programs of `PostgreSQL`.
#[expect(
    clippy::disallowed_methods,
    reason = "that is how `cargo xtask test` says where it is"
)]
fn programs() -> Result<PathBuf> {
    let folder = env::var_os(POSTGRES).context(POSTGRES)?;
    Ok(folder.into())
}

impl Servers {
    /// Starts both; they end with the value.
    pub(crate) fn start() -> Result<Self> {
        let folder = TempDir::new()?;
        let user = other_user()?;
        if let Some((user, group)) = user {
            chown(folder.path(), Some(user), Some(group))?;
        }
        let mut redis = Command::new("redis-server");
        redis.args(["--port", "0", "--save", "", "--appendonly", "no", "--dir"]);
        redis
            .arg(folder.path())
            .arg("--unixsocket")
            .arg(folder.path().join("redis"));
        let redis = redis
            .stdout(Stdio::null())
            .spawn()
            .context("redis-server")?;
        let servers = Self {
            folder,
            programs: programs()?,
            user,
            redis,
        };
        servers.start_postgres()?;
        Ok(servers)
    }

    fn start_postgres(&self) -> Result<()> {
        let data = self.data();
        let mut initdb = self.postgres("initdb");
        initdb.args(["--username=shop", "--auth=trust", "--no-sync", "--pgdata"]);
        quiet(initdb.arg(&data))?;
        let options = format!(
            "-k {} -c listen_addresses='' -c fsync=off",
            self.path().display()
        );
        let mut start = self.postgres("pg_ctl");
        start.args([
            "start",
            "--wait",
            "--silent",
            "--options",
            &options,
            "--log",
        ]);
        quiet(start.arg(data.join("log")).arg("--pgdata").arg(&data))
    }

    /// A program of `PostgreSQL`, to be run as a user that is not root.
    fn postgres(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        if let Some((user, group)) = self.user {
            command.uid(user).gid(group);
        }
        command.current_dir(self.path());
        command
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn data(&self) -> PathBuf {
        self.path().join("data")
    }

    /// Connections to the database.
    pub(crate) async fn database(&self) -> Result<PgPool> {
        let options = PgConnectOptions::new_without_pgpass()
            .socket(self.path())
            .username("shop")
            .database("postgres");
        Ok(PgPoolOptions::new().connect_with(options).await?)
    }

    /// A connection to the cache, as soon as it is there.
    pub(crate) async fn cache(&self) -> Result<redis::aio::MultiplexedConnection> {
        let url = format!("redis+unix://{}", self.path().join("redis").display());
        let client = redis::Client::open(url)?;
        let start = Instant::now();
        loop {
            match client.get_multiplexed_async_connection().await {
                Ok(connection) => return Ok(connection),
                Err(error) => ensure!(start.elapsed() < PATIENCE, error),
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        let mut stop = self.postgres("pg_ctl");
        stop.args(["stop", "--silent", "--mode=immediate", "--pgdata"]);
        let _stopped = quiet(stop.arg(self.data()));
        let _killed = self.redis.kill();
        let _gone = self.redis.wait();
    }
}

/// The user and the group of `PostgreSQL`, if we are root.
fn other_user() -> Result<Option<(u32, u32)>> {
    if id(&["-u"])? != 0 {
        return Ok(None);
    }
    Ok(Some((id(&["-u", "postgres"])?, id(&["-g", "postgres"])?)))
}

fn id(arguments: &[&str]) -> Result<u32> {
    let output = Command::new("id").args(arguments).output()?;
    Ok(String::from_utf8(output.stdout)?.trim().parse()?)
}

/// Runs a program and takes its output for the reason when it fails.
fn quiet(command: &mut Command) -> Result<()> {
    let output = command.output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?}: {said}");
    Ok(())
}
