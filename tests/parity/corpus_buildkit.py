"""BuildKit for the corpus: a daemon of its own, and builds of cases."""
import os
import re
import shutil
import subprocess
import time

# A build of a case with BuildKit's own client takes docker's options in other words.
OPTIONS = {"--target": "target", "--platform": "platform", "--network": "force-network-mode",
           "--shm-size": "shm-size", "--ulimit": "ulimit", "--add-host": "add-hosts"}


def steady(text):
    """An error without what is another each time."""
    text = text.replace("error: failed to solve: ", "")
    text = re.sub(r"of ref \S+::\S+:", "of ref …:", text)
    return re.sub(r"/\S*/cachemounts/buildkit\d+", "", text)


class BuildKit:
    """buildkitd and buildctl from a folder (or PATH), with all state below `top`. As root."""

    def __init__(self, programs, top, layout, digests):
        path = os.pathsep.join([programs or "", os.environ["PATH"]])
        self.daemon, self.client = (shutil.which(n, path=path) for n in ("buildkitd", "buildctl"))
        if not self.daemon or not self.client:
            raise SystemExit("BuildKit: there are no buildkitd and buildctl")
        self.address = "unix://" + os.path.join(top, "bk.sock")
        self.layout, self.digests = layout, digests
        self.environment = {k: v for k, v in os.environ.items()
                            if not k.startswith(("BUILDKIT", "SOURCE_DATE", "OTEL"))}
        self.log = open(os.path.join(top, "buildkitd.log"), "w", encoding="utf-8")
        config = os.path.join(top, "buildkitd.toml")
        with open(config, "w", encoding="utf-8") as file:
            file.write('insecure-entitlements = ["security.insecure", "network.host"]\n'
                       '[worker.oci]\nenabled = true\nbinary = "%s"\nsnapshotter = "overlayfs"\n'
                       "[worker.containerd]\nenabled = false\n" % shutil.which("runc"))
        # runc wants version 2 of control groups alone, which a mount namespace can give it.
        script = ("umount -R /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup;"
                  'exec "$0" --root "$1" --config "$2" --addr "$3" --allow-insecure-entitlement'
                  " security.insecure --allow-insecure-entitlement network.host")
        self.process = subprocess.Popen(
            ["unshare", "--mount", "sh", "-c", script, self.daemon, os.path.join(top, "bk"),
             config, self.address],
            stdout=self.log, stderr=self.log, env=self.environment)
        self.wait(top)

    def wait(self, top):
        for _ in range(300):
            if self.process.poll() is not None:
                break
            done = subprocess.run([self.client, "--addr", self.address, "debug", "workers"],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                  check=False)
            if done.returncode == 0:
                return
            time.sleep(0.1)
        with open(os.path.join(top, "buildkitd.log"), encoding="utf-8") as file:
            raise SystemExit("BuildKit does not start:\n" + file.read()[-2000:])

    def stop(self):
        self.process.terminate()
        self.process.wait()
        self.log.close()

    def words(self, case, top, context, dockerfile, bases, dest):
        words = [self.client, "--addr", self.address, "build", "--frontend", "dockerfile.v0",
                 "--progress", "plain", "--no-cache",
                 "--local", "context=" + context,
                 "--local", "dockerfile=" + os.path.dirname(dockerfile),
                 "--opt", "filename=" + os.path.basename(dockerfile), "--opt", "cmdline=none",
                 "--output", "type=oci,tar=false,dest=" + dest,
                 "--oci-layout", "bases=" + self.layout]
        for name in bases:
            words += ["--opt", "context:%s=oci-layout://bases@%s" % (name, self.digests[name])]
        for flag, value in case.options():
            words += self.option(flag, value, top)
        return words

    def option(self, flag, value, top):
        if flag in ("--build-arg", "--label"):
            return ["--opt", flag[2:] + ":" + value]
        if flag in OPTIONS:
            return ["--opt", OPTIONS[flag] + "=" + value]
        if flag == "--build-context":
            name, _, where = value.partition("=")
            if "://" in where:
                return ["--opt", "context:" + value]
            local = "%s-%s" % (name, os.path.basename(top))
            return ["--local", "%s=%s" % (local, os.path.join(top, where)),
                    "--opt", "context:%s=local:%s" % (name, local)]
        if flag in ("--secret", "--ssh", "--allow"):
            return [flag, value]
        return []  # -f: above; --no-cache, --pull

    def build(self, case, top, context, dockerfile, bases, dest):
        """(True, "") or (False, BuildKit's message)."""
        done = self.run(case, top, context, dockerfile, bases, dest)
        if b"error reading from server: EOF" in done.stderr:  # two contexts at a time
            done = self.run(case, top, context, dockerfile, bases, dest)
        if done.returncode == 0:
            return True, ""
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
        at = next((i for i in range(len(lines) - 1, -1, -1) if lines[i].startswith("error:")), -1)
        return False, steady("\n".join(lines[at:]))

    def run(self, case, top, context, dockerfile, bases, dest):
        # What it knows of an earlier context is brought up to date, which gives directories new times.
        subprocess.run([self.client, "--addr", self.address, "prune", "--filter",
                        "type==source.local"], stdout=subprocess.DEVNULL, check=True)
        return subprocess.run(self.words(case, top, context, dockerfile, bases, dest),
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=top,
                              env=self.environment, check=False, stdin=subprocess.DEVNULL)
