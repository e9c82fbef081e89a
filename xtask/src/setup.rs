//! What the checks need besides the Rust toolchain: system packages and cargo tools.

use std::env;
use std::ffi::OsString;

use crate::command::CommandLine;
use crate::workspace::Workspace;

/// Packages of the system, by their Debian names.
const SYSTEM_PACKAGES: [&str; 6] =
    ["bash", "gcc", "groff-base", "libc6-dev", "util-linux", "valgrind"];

/// A cargo subcommand in the one version that these checks are known to work with.
pub struct CargoTool {
    package: &'static str,
    subcommand: &'static str,
    version: &'static str,
}

/// Runs the tests, each in a process of its own.
pub const NEXTEST: CargoTool =
    CargoTool { package: "cargo-nextest", subcommand: "nextest", version: "0.9.143" };

/// Checks the licences and the origin of dependencies.
pub const DENY: CargoTool =
    CargoTool { package: "cargo-deny", subcommand: "deny", version: "0.20.2" };

/// Where tools are installed that the machine doesn't have.
const TOOLS_DIRECTORY: &str = "target/tools";

/// Installs what is missing, and downloads the dependencies for the steps that work offline.
pub fn set_up(workspace: &Workspace) -> Result<(), String> {
    install_system_packages(workspace)?;
    for tool in [&NEXTEST, &DENY] {
        tool.install(workspace)?;
    }
    CommandLine::cargo(workspace, "fetch --locked").run()
}

fn install_system_packages(workspace: &Workspace) -> Result<(), String> {
    let wanted = SYSTEM_PACKAGES.join(" ");
    if CommandLine::new(workspace, "dpkg", "--version").probe().is_none() {
        println!("not a Debian system: taking for granted what is in its {wanted}");
        return Ok(());
    }
    let is_missing = |package: &&str| {
        let state = CommandLine::new(workspace, "dpkg", &format!("-s {package}")).probe();
        !state.is_some_and(|state| is_installed(&state))
    };
    let missing: Vec<&str> = SYSTEM_PACKAGES.into_iter().filter(is_missing).collect();
    if missing.is_empty() {
        println!("system packages are installed: {wanted}");
        return Ok(());
    }
    let missing = missing.join(" ");
    let user = CommandLine::new(workspace, "id", "-u").probe();
    if user.is_none_or(|user| user.trim() != "0") {
        return Err(format!("system packages are missing; run: apt-get install {missing}"));
    }
    let apt_get = |arguments: &str| {
        let command = CommandLine::new(workspace, "apt-get", arguments);
        command.with("DEBIAN_FRONTEND", "noninteractive").run()
    };
    apt_get("update")?;
    apt_get(&format!("install --yes --no-install-recommends {missing}"))
}

/// Reads the answer of `dpkg -s`, which also knows packages that were removed.
fn is_installed(state: &str) -> bool {
    state.lines().any(|line| line == "Status: install ok installed")
}

impl CargoTool {
    /// The program, in the pinned version; an error when it isn't installed.
    pub fn program(&self, workspace: &Workspace) -> Result<OsString, String> {
        let file = format!("{}{}", self.package, env::consts::EXE_SUFFIX);
        let own = workspace.root().join(TOOLS_DIRECTORY).join("bin").join(&file);
        let has_version = |program: &OsString| {
            let arguments = format!("{} --version", self.subcommand);
            let answer = CommandLine::new(workspace, program, &arguments).probe();
            answer.is_some_and(|answer| self.is_version(&answer))
        };
        let candidates = [own.into_os_string(), OsString::from(file)];
        candidates.into_iter().find(has_version).ok_or_else(|| {
            let Self { package, version, .. } = self;
            format!("{package} {version} is not installed; run: cargo xtask setup")
        })
    }

    /// The program with the arguments in `arguments`.
    pub fn command(&self, workspace: &Workspace, arguments: &str) -> Result<CommandLine, String> {
        let arguments = format!("{} {arguments}", self.subcommand);
        Ok(CommandLine::new(workspace, self.program(workspace)?, &arguments))
    }

    /// Installs the pinned version unless it is there. A debug build takes a third of the time
    /// of a release build, and is quick enough at what it does here.
    fn install(&self, workspace: &Workspace) -> Result<(), String> {
        let Self { package, version, .. } = self;
        if self.program(workspace).is_ok() {
            println!("{package} {version} is installed");
            return Ok(());
        }
        let arguments = format!(
            "install --locked --debug --root {TOOLS_DIRECTORY} {package} --version ={version}"
        );
        CommandLine::cargo(workspace, &arguments).with("CARGO_PROFILE_DEV_DEBUG", "0").run()
    }

    fn is_version(&self, answer: &str) -> bool {
        let mut words = answer.split_whitespace();
        words.next() == Some(self.package) && words.next() == Some(self.version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_pinned_version_will_do() {
        assert!(NEXTEST.is_version("cargo-nextest 0.9.143 (60fa45f63 2026-08-04)\nrelease: 0.9"));
        assert!(NEXTEST.is_version("cargo-nextest 0.9.143"));
        assert!(!NEXTEST.is_version("cargo-nextest 0.9.14"));
        assert!(!NEXTEST.is_version(""));
    }

    #[test]
    fn a_removed_package_is_not_installed() {
        assert!(is_installed("Package: gcc\nStatus: install ok installed\n"));
        assert!(!is_installed("Package: gcc\nStatus: deinstall ok config-files\n"));
    }
}
