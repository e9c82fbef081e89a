//! Installing the peers, building the programs that measure them, and finding out what is there.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use mmf_bench::{Error, Result};

use crate::systems::{Program, System, Version};

/// Debian's packages: what programs are built with, and the peers that Debian has.
const PACKAGES: [&str; 10] = [
    "g++",
    "libboost-dev",
    "libc6-dev",
    "libcache-fastmmap-perl",
    "libclang-dev",
    "libhash-sharedmem-perl",
    "libipc-shareable-perl",
    "perl",
    "python3-venv",
    "redis-server",
];

/// Files of this crate, and where it builds programs.
pub struct Tools {
    sources: PathBuf,
    built: PathBuf,
}

impl Default for Tools {
    fn default() -> Self {
        let crate_directory = Path::new(env!("CARGO_MANIFEST_DIR"));
        let workspace = crate_directory.ancestors().nth(2).unwrap_or(crate_directory);
        Self { sources: crate_directory.join("peers"), built: workspace.join("target/peers") }
    }
}

/// A command line without the arguments of the contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invocation {
    /// The program.
    pub program: PathBuf,
    /// What stands before the arguments of the contract.
    pub arguments: Vec<String>,
}

impl Tools {
    /// Installs Debian's packages that are missing, and Python's into an environment of their own.
    ///
    /// # Errors
    ///
    /// When a package manager fails; and on other systems than Debian.
    pub fn install(&self) -> Result<()> {
        let is_missing = |package: &&&str| {
            let status = output(Command::new("dpkg-query").args(["-W", "-f=${Status}", package]));
            !status.is_ok_and(|status| status == "install ok installed")
        };
        let missing: Vec<_> = PACKAGES.iter().filter(is_missing).collect();
        if !missing.is_empty() {
            let mut update = Command::new("apt-get");
            shown(update.arg("update").arg("--quiet=2"))?;
            let mut install = Command::new("apt-get");
            install.env("DEBIAN_FRONTEND", "noninteractive");
            install.args(["install", "--quiet=2", "--yes", "--no-install-recommends"]);
            shown(install.args(missing))?;
        }
        if !self.python().exists() {
            shown(Command::new("python3").args(["-m", "venv"]).arg(self.environment()))?;
        }
        let requirements = self.sources.join("python/requirements.txt");
        let mut pip = Command::new(self.python());
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
        shown(pip.arg("--requirement").arg(requirements))
    }

    /// The command line of a program, which is built when it has to be.
    ///
    /// # Errors
    ///
    /// When it cannot be built; the text says why.
    pub fn invocation(&self, program: Program) -> Result<Invocation> {
        let script = |interpreter: PathBuf, file: &str| Invocation {
            program: interpreter,
            arguments: vec![self.sources.join(file).display().to_string()],
        };
        Ok(match program {
            Program::Own => {
                let own = std::env::current_exe()?;
                Invocation { program: own, arguments: vec!["program".to_owned()] }
            }
            Program::Rust => Invocation { program: self.build_rust()?, arguments: Vec::new() },
            Program::Boost => Invocation { program: self.build_boost()?, arguments: Vec::new() },
            Program::Perl => script("perl".into(), "perl.pl"),
            Program::Python => {
                let own = self.python();
                script(if own.exists() { own } else { "python3".into() }, "python.py")
            }
        })
    }

    fn build_rust(&self) -> Result<PathBuf> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut build = Command::new(cargo);
        build.args(["build", "--release", "--quiet", "--manifest-path"]);
        build.arg(self.sources.join("rust/Cargo.toml")).arg("--target-dir").arg(&self.built);
        output(&mut build)?;
        Ok(self.built.join("release/mmf-peers-rust"))
    }

    fn build_boost(&self) -> Result<PathBuf> {
        std::fs::create_dir_all(&self.built)?;
        let (source, program) = (self.sources.join("boost.cpp"), self.built.join("boost"));
        let changed = |path: &Path| std::fs::metadata(path).and_then(|file| file.modified()).ok();
        if changed(&program).is_some_and(|built| changed(&source).is_some_and(|at| at < built)) {
            return Ok(program);
        }
        let mut build = Command::new("g++");
        build.args(["-std=c++17", "-O2", "-Wall", "-Wextra", "-o"]).arg(&program);
        output(build.arg(source).args(["-lpthread", "-lrt"]))?;
        Ok(program)
    }

    /// The version of a system; empty when there is none to tell.
    ///
    /// # Errors
    ///
    /// When it is not installed; the text says what was missed.
    pub fn version(&self, system: &System) -> Result<String> {
        Ok(match system.version {
            Version::Own => env!("CARGO_PKG_VERSION").to_owned(),
            Version::None => String::new(),
            Version::Locked(package) => self.locked(package)?,
            Version::Redis => {
                let text = output(Command::new("redis-server").arg("--version"));
                let text = text.map_err(is_missing("redis-server"))?;
                let version = text.split_whitespace().find_map(|word| word.strip_prefix("v="));
                version.ok_or("redis-server does not tell its version")?.to_owned()
            }
            Version::Boost => self.boost_version().map_err(is_missing("libboost-dev"))?,
            Version::Module(module) => {
                let text = format!("print ${module}::VERSION");
                let version =
                    output(Command::new("perl").arg(format!("-M{module}")).args(["-e", &text]));
                version.map_err(is_missing(&format!("the Perl module {module}")))?
            }
            Version::Package(package) => {
                let text = "import importlib.metadata as m, sys; print(m.version(sys.argv[1]))";
                let version = self.ask_python(&["-c", text, package]);
                version.map_err(is_missing(&format!("the Python package {package}")))?
            }
            Version::Interpreter => {
                let text = "import platform; print(platform.python_version())";
                self.ask_python(&["-c", text]).map_err(is_missing("python3"))?
            }
        })
    }

    fn ask_python(&self, arguments: &[&str]) -> Result<String> {
        let own = self.python();
        let python = if own.exists() { own } else { "python3".into() };
        output(Command::new(python).args(arguments))
    }

    fn boost_version(&self) -> Result<String> {
        let mut ask = Command::new("g++");
        ask.args(["-E", "-dM", "-include", "boost/version.hpp", "-x", "c++", "/dev/null"]);
        let text = output(&mut ask)?;
        let line = text.lines().find_map(|line| line.strip_prefix("#define BOOST_LIB_VERSION "));
        let version = line.ok_or("the headers do not tell the version")?;
        Ok(version.trim().trim_matches('"').replace('_', "."))
    }

    fn locked(&self, package: &str) -> Result<String> {
        let path = self.sources.join("rust/Cargo.lock");
        let text = std::fs::read_to_string(&path)
            .map_err(|error| format!("reading {}: {error}", path.display()))?;
        let name = format!("name = \"{package}\"\nversion = \"");
        let version = text.split_once(&name).and_then(|(_, rest)| rest.split('"').next());
        Ok(version.ok_or_else(|| format!("{package} is not in {}", path.display()))?.to_owned())
    }

    fn environment(&self) -> PathBuf {
        self.built.join("python")
    }

    fn python(&self) -> PathBuf {
        self.environment().join("bin/python")
    }
}

/// Runs a command and shows it, and what it says.
fn shown(command: &mut Command) -> Result<()> {
    println!("$ {command:?}");
    let status = command.stdin(Stdio::null()).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{command:?} ended with {status}").into()),
        Err(error) => Err(format!("{command:?} could not be started: {error}").into()),
    }
}

/// What a command writes to its standard output; an error has the last line of its errors.
fn output(command: &mut Command) -> Result<String> {
    let output = command.stdin(Stdio::null()).output();
    let program = command.get_program().to_string_lossy().into_owned();
    let output = output.map_err(|error| format!("{program} could not be started: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
    }
    let errors = String::from_utf8_lossy(&output.stderr);
    let last = errors.lines().rfind(|line| line.contains("error")).unwrap_or("no reason is given");
    Err(format!("{program} ended with {}: {last}", output.status).into())
}

/// The error of a system whose version cannot be asked for.
fn is_missing(what: &str) -> impl Fn(Error) -> Error {
    move |_| format!("not installed: {what}").into()
}
