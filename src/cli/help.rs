//! What `--help`, the man pages and `docs/cli.md` say beyond the flags: what each command is for, with examples.

use std::fmt::Write as _;

/// The commands by what they are for, in the order of the help.
pub(super) const GROUPS: [(&str, &[&str]); 4] = [
    ("Measure", &["run", "compare", "baseline", "report", "gateway"]),
    ("Scenarios", &["validate", "schema", "import"]),
    ("Servers", &["serve", "connect"]),
    ("Shell", &["completions", "man", "help"]),
];

/// What is said of one command.
#[derive(Debug)]
pub(super) struct Page {
    /// The words that lead to it, without the program's name.
    path: &'static [&'static str],
    /// Paragraphs, the first of them a summary.
    about: &'static [&'static str],
    /// What for, and the command line.
    pub(super) examples: &'static [(&'static str, &'static str)],
    /// Where the documentation goes on.
    more: &'static str,
}

/// The page of a command; of one without a page an empty one.
pub(super) fn of(path: &[String]) -> &'static Page {
    const NONE: &Page = &Page {
        path: &[],
        about: &[],
        examples: &[],
        more: "",
    };
    PAGES.iter().find(|page| page.path == path).unwrap_or(NONE)
}

/// The last line of the short help.
pub(super) fn short_hint(path: &[String]) -> String {
    let mut command = "wsbench ".to_owned();
    for word in path {
        command.push_str(word);
        command.push(' ');
    }
    format!("Examples, variables and more: {command}--help")
}

impl Page {
    pub(super) fn long_about(&self) -> String {
        self.about.join("\n\n")
    }

    pub(super) fn after_long_help(&self) -> String {
        let mut text = "Examples:\n".to_owned();
        for (what, line) in self.examples {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "  # {what}\n  {line}");
        }
        let _ = write!(
            text,
            "\nA flag wins over its variable, that over the file, that over the default. More in {}.",
            self.more
        );
        text
    }
}

const PAGES: &[Page] = &[
    Page {
        path: &[],
        about: &[
            "Load testing and conformance toolkit for WebSocket servers and gateways.",
            "Every flag is a variable too: --max-lag is WSBENCH_MAX_LAG. Switches are on by 1, true, yes or on, and off by 0, \
             false, no or off; lists have commas. An empty variable is as good as none. WSBENCH_VAR_name sets the variable \
             `name` of scenarios.",
        ],
        examples: &[
            (
                "A scenario against the built-in server",
                "wsbench run scenarios/iot.yaml",
            ),
            (
                "Against your own, with a report that opens in a browser",
                "wsbench run scenarios/iot.yaml --target ws://10.0.0.5:8080 --out html=run.html",
            ),
            (
                "Is the new server slower than the old one?",
                "wsbench compare ws://old:8080 ws://new:8080 --scenario scenarios/iot.yaml",
            ),
            (
                "A server to test against",
                "wsbench serve --listen 127.0.0.1:9001",
            ),
            ("What may every flag of a command be?", "wsbench run --help"),
        ],
        more: "docs/cli.md; exit codes in docs/exit-codes.md",
    },
    Page {
        path: &["run"],
        about: &[
            "Run a scenario and print what was measured.",
            "On a terminal the run shows itself in a full-screen view (--no-tui for a line of progress, --quiet for nothing); the \
             summary goes to standard output. The exit code tells how it went: 0 if the plan was carried out within its \
             thresholds, 99 if one was crossed, 103 if this machine was too slow to tell, 107 if the target cannot be reached.",
        ],
        examples: &[
            ("Against the built-in server", "wsbench run scenarios/iot.yaml"),
            (
                "Against your own, with another number of clients",
                "wsbench run scenarios/echo.yaml --target ws://10.0.0.5:8080 -e clients=500",
            ),
            (
                "Fail if it is too slow, or if anything goes wrong",
                "wsbench run scenarios/iot.yaml --threshold 'response_time: p(95)<250ms' --threshold 'errors: count==0'",
            ),
            (
                "Reports for people, scripts and CI",
                "wsbench run scenarios/iot.yaml --out html=run.html --out json=run.json --out junit=run.xml",
            ),
            (
                "A tenth of the load for a tenth of the time",
                "wsbench run scenarios/iot.yaml --scale 0.1 --duration-scale 0.1",
            ),
            ("What would it do?", "wsbench run scenarios/iot.yaml --dry-run"),
        ],
        more: "docs/scenario.md, docs/reports.md, docs/gate.md",
    },
    Page {
        path: &["baseline"],
        about: &[
            "Keep repeated runs of a scenario to compare later ones with.",
            "A baseline is a JSON file with every run's summary and histograms, in reports/baselines unless --baselines says \
             otherwise.",
        ],
        examples: &[
            (
                "Keep what the present release does",
                "wsbench baseline save main scenarios/iot.yaml --target ws://10.0.0.5:8080",
            ),
            ("What is there?", "wsbench baseline list"),
        ],
        more: "docs/gate.md",
    },
    Page {
        path: &["baseline", "save"],
        about: &[
            "Run a scenario several times and keep what was measured.",
            "Many short runs tell more than few long ones: the differences between runs are what a comparison learns the noise \
             from.",
        ],
        examples: &[
            (
                "Twenty runs under the name main",
                "wsbench baseline save main scenarios/iot.yaml --target ws://10.0.0.5:8080",
            ),
            (
                "Elsewhere, more runs, each shorter",
                "wsbench baseline save ./main.json scenarios/iot.yaml --repeat 40 --duration-scale 0.3",
            ),
        ],
        more: "docs/gate.md",
    },
    Page {
        path: &["baseline", "list"],
        about: &["List the baselines there are."],
        examples: &[(
            "Those of another folder",
            "wsbench baseline list --baselines ci/baselines",
        )],
        more: "docs/gate.md",
    },
    Page {
        path: &["baseline", "show"],
        about: &["Show one baseline."],
        examples: &[
            ("By its name", "wsbench baseline show main"),
            ("By its file", "wsbench baseline show ci/main.json"),
        ],
        more: "docs/gate.md",
    },
    Page {
        path: &["compare"],
        about: &[
            "Compare two baselines or targets: improved, same, regressed, or cannot tell.",
            "Targets are run as often as --repeat says, two of them in turns. The whole distributions are compared, and a change \
             counts if it is beyond chance and beyond the noise. Exits with 0 if B is the same or better, 100 if it regressed, \
             102 if nothing can be told.",
        ],
        examples: &[
            (
                "Two targets, in turns: the surest way",
                "wsbench compare ws://old:8080 ws://new:8080 --scenario scenarios/iot.yaml",
            ),
            (
                "A candidate with a baseline",
                "wsbench compare main ws://10.0.0.6:8080 --scenario scenarios/iot.yaml",
            ),
            (
                "Two baselines, whatever they were made of",
                "wsbench compare main candidate",
            ),
        ],
        more: "docs/gate.md",
    },
    Page {
        path: &["gateway"],
        about: &["Measure what a gateway does to the connections through it."],
        examples: &[(
            "What it changes, side by side with the backend alone",
            "wsbench gateway compare ws://10.0.0.5:9001 wss://gw.example.com scenarios/gateway/gate.yaml",
        )],
        more: "docs/gateway-gate.md",
    },
    Page {
        path: &["gateway", "compare"],
        about: &[
            "Run a scenario directly and through a gateway, and say what the gateway changes.",
            "Both ways are run in turns. Without a baseline, what may differ is the latency; with one, the gateway is to change \
             what it changed then, and nothing else. Exits with 0 if so, 100 if it is worse, 102 if nothing can be told.",
        ],
        examples: &[
            (
                "Keep what a gateway changes",
                "wsbench gateway compare ws://10.0.0.5:9001 wss://gw.example.com scenarios/gateway/gate.yaml --save gw",
            ),
            (
                "Judge it by that later",
                "wsbench gateway compare ws://10.0.0.5:9001 wss://gw.example.com scenarios/gateway/gate.yaml --baseline gw",
            ),
        ],
        more: "docs/gateway-gate.md",
    },
    Page {
        path: &["validate"],
        about: &[
            "Check scenarios and say everything that is wrong with them, with line and column.",
            "Nothing is connected to. Exits with 104 if a scenario is wrong.",
        ],
        examples: &[
            (
                "All of them",
                "wsbench validate scenarios/iot.yaml scenarios/echo.yaml",
            ),
            (
                "With another value of a variable",
                "wsbench validate scenarios/echo.yaml -e clients=500",
            ),
        ],
        more: "docs/scenario.md",
    },
    Page {
        path: &["schema"],
        about: &[
            "Print the JSON Schema of the scenario language, for editors.",
            "An editor that knows it completes keys and marks mistakes while you write.",
        ],
        examples: &[("For the editor", "wsbench schema > scenario.schema.json")],
        more: "docs/scenario.md",
    },
    Page {
        path: &["import"],
        about: &[
            "Make a scenario from a browser's recording.",
            "The recording is an HTTP Archive, as the network tab of the developer tools saves it. Tokens, cookies and passwords \
             become variables unless --keep-secrets is given.",
        ],
        examples: &[(
            "A scenario of what the page did",
            "wsbench import recording.har --out recorded.yaml",
        )],
        more: "docs/scenario.md",
    },
    Page {
        path: &["connect"],
        about: &[
            "Talk to a WebSocket server by hand or from a script.",
            "Lines that begin with / are commands: /ping /pong /close /binary /text /file /quit /help; // sends a literal slash. \
             Piped input is sent line by line, or in one piece with --whole. Exits with 112 if the server closes with an error.",
        ],
        examples: &[
            (
                "By hand, with control frames",
                "wsbench connect ws://localhost:9001/echo -P",
            ),
            (
                "One question, one answer",
                "wsbench connect ws://localhost:9001/echo -x hello -w 2",
            ),
            (
                "A file as one message, whatever the certificate",
                "wsbench connect wss://localhost:9443/echo -k --whole < 100kib.txt",
            ),
        ],
        more: "docs/connect.md",
    },
    Page {
        path: &["report"],
        about: &[
            "Render an earlier run again, in any form.",
            "Every report is made from the JSON summary, so what was not written then can be written now. Without a flag that \
             names a report the text is printed.",
        ],
        examples: &[
            ("The text", "wsbench report run.json"),
            (
                "A page and a table",
                "wsbench report run.json --html run.html --csv run.csv",
            ),
            (
                "The percentiles of one trend",
                "wsbench report run.json --out hgrm:connect=connect.hgrm",
            ),
        ],
        more: "docs/reports.md",
    },
    Page {
        path: &["serve"],
        about: &[
            "Start the reference server.",
            "It echoes, broadcasts, plays rooms, games and uploads, judges who may connect, misbehaves on request, and passes \
             connections on. SIGTERM and Ctrl-C drain it, SIGHUP reads the configuration and the certificates again.",
        ],
        examples: &[
            (
                "On this machine",
                "wsbench serve --listen 127.0.0.1:9001 --compression",
            ),
            (
                "With TLS and a token",
                "wsbench serve --listen 0.0.0.0:9443 --tls-self-signed --token-file token.txt",
            ),
            (
                "As a proxy",
                "wsbench serve --proxy ws://10.0.0.5:8080 --proxy ws://10.0.0.6:8080",
            ),
        ],
        more: "docs/server.md, docs/operations.md",
    },
    Page {
        path: &["completions"],
        about: &[
            "Print the script that completes commands and flags in a shell.",
            "Put it where the shell looks for it, and begin a new shell.",
        ],
        examples: &[
            (
                "bash",
                "wsbench completions bash > ~/.local/share/bash-completion/completions/wsbench",
            ),
            (
                "zsh, in a folder of $fpath",
                "wsbench completions zsh > ~/.zfunc/_wsbench",
            ),
            (
                "fish",
                "wsbench completions fish > ~/.config/fish/completions/wsbench.fish",
            ),
            ("elvish", "wsbench completions elvish >> ~/.config/elvish/rc.elv"),
            ("PowerShell", "wsbench completions powershell >> $PROFILE"),
        ],
        more: "docs/cli.md",
    },
    Page {
        path: &["man"],
        about: &[
            "Print the manual page of a command, or write all of them.",
            "The pages say what --help says.",
        ],
        examples: &[
            ("Read one", "wsbench man run | man -l -"),
            ("Install all", "wsbench man --out ~/.local/share/man/man1"),
            (
                "The reference of the documentation",
                "wsbench man --markdown > docs/cli.md",
            ),
        ],
        more: "docs/cli.md",
    },
];
