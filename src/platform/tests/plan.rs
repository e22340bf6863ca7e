//! Every wish of a plan reaches the child.

use super::*;

fn run(mut plan: SpawnPlan) -> String {
    let (reader, writer) = std::io::pipe().unwrap();
    plan.stdout = Some(OwnedFd::from(writer));
    let mut child = spawn(&plan).unwrap();
    drop(plan);
    let said = text(reader);
    assert!(child.wait_blocking().unwrap().success(), "{said}");
    said
}

#[test]
fn umask_directory_priority_and_limits() {
    let mut plan = shell("umask; pwd; nice; cat /proc/self/oom_score_adj; ulimit -n; ulimit -c");
    plan.umask = Some(0o027);
    plan.cwd = Some("/usr".into());
    plan.nice = Some(5);
    plan.oom_score_adj = Some(500);
    plan.rlimits = vec![
        Rlimit { resource: libc::RLIMIT_NOFILE, soft: 100, hard: 100 },
        Rlimit { resource: libc::RLIMIT_CORE, soft: 0, hard: 0 },
    ];
    assert_eq!(run(plan), "0027\n/usr\n5\n500\n100\n0\n");
}

#[test]
fn the_account_with_exactly_its_groups() {
    if !account::is_root() {
        return skipped("credentials", "only root can change them");
    }
    let mut plan = shell("id -u; id -g; id -G; exec grep -E '^(Uid|Gid|NoNewPrivs)' /proc/self/status");
    plan.credentials = Some(Credentials { uid: 54321, gid: 54322, groups: vec![54323] });
    plan.no_new_privileges = true;
    assert_eq!(
        run(plan),
        "54321\n54322\n54322 54323\nUid:\t54321\t54321\t54321\t54321\nGid:\t54322\t54322\t54322\t54322\nNoNewPrivs:\t1\n"
    );
}

#[test]
fn descriptors_get_their_numbers_whatever_they_had() {
    // Sources that sit on each other's targets: swapped, and in a ring.
    let files: Vec<OwnedFd> = (0..3)
        .map(|n| {
            let (reader, writer) = std::io::pipe().unwrap();
            std::io::Write::write_all(&mut &writer, format!("{n}\n").as_bytes()).unwrap();
            OwnedFd::from(reader)
        })
        .collect();
    let numbers: Vec<i32> = files.iter().map(std::os::fd::AsRawFd::as_raw_fd).collect();
    let targets = [numbers[1], numbers[2], numbers[0]];
    let script = targets.iter().map(|n| format!("head -n1 /proc/self/fd/{n}; ")).collect::<String>();
    let mut plan = shell(&format!("{script} head -n1 /proc/self/fd/950"));
    let (reader, writer) = std::io::pipe().unwrap();
    std::io::Write::write_all(&mut &writer, b"far\n").unwrap();
    plan.fds = files.into_iter().zip(targets).collect();
    plan.fds.push((reader.into(), 950));
    let said = run(plan);
    assert_eq!(said, "0\n1\n2\nfar\n");
}

#[test]
fn a_number_wanted_twice_is_refused() {
    let null = || OwnedFd::from(std::fs::File::open("/dev/null").unwrap());
    let mut plan = shell("true");
    plan.fds = vec![(null(), 5), (null(), 5)];
    assert_eq!(spawn(&plan).unwrap_err().stage, Stage::Descriptors);
    plan.fds = vec![(null(), 1)];
    assert_eq!(spawn(&plan).unwrap_err().stage, Stage::Descriptors);
}

#[test]
fn an_account_with_too_many_processes_is_a_passing_trouble() {
    // semantics case 16: EAGAIN
    if !account::is_root() {
        return skipped("EAGAIN", "only root can change the account");
    }
    let mut plan = shell("true");
    plan.credentials = Some(Credentials { uid: 54999, gid: 54999, groups: Vec::new() });
    let mut first = SpawnPlan::new("/bin/sleep").args(["300"]);
    first.credentials = plan.credentials.clone();
    let mut first = spawn(&first).unwrap();
    plan.rlimits = vec![Rlimit { resource: libc::RLIMIT_NPROC, soft: 0, hard: 0 }];
    let answer = spawn(&plan);
    first.signal(libc::SIGKILL).unwrap();
    first.wait_blocking().unwrap();
    let error = answer.unwrap_err();
    assert!(error.errno == libc::EAGAIN && error.is_transient(), "{error:?}");
}

#[test]
fn listening_sockets_are_handed_over_as_systemd_does() {
    let socket = || std::sync::Arc::new(sockets::listen("127.0.0.1:0".parse().unwrap()).unwrap());
    let mut plan = shell("echo $((LISTEN_PID - $$)) $LISTEN_FDS $LISTEN_FDNAMES; readlink /proc/$$/fd/3 /proc/$$/fd/4");
    plan.sockets = vec![("http".to_owned(), socket()), ("https".to_owned(), socket())];
    let inode = |socket: &OwnedFd| {
        let path = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(socket));
        std::fs::read_link(path).unwrap().to_string_lossy().into_owned()
    };
    let wanted = plan.sockets.iter().map(|(_, socket)| inode(socket) + "\n").collect::<String>();
    assert_eq!(run(plan), format!("0 2 http:https\n{wanted}"));
    // Who gets none is told of none.
    assert_eq!(run(shell("echo ${LISTEN_PID-none} ${LISTEN_FDS-none}")), "none none\n");
}
