import pathlib
import re
import socket
import unittest

import support


def keys_of(text):
    """The keys of group troupe in what --print-config prints, set or not."""
    group = text.split("\n[")[0]
    return set(re.findall(r"^(?:; )?([a-z-]+)(?: =| is not set)", group, re.M))


class NodeConfiguration(support.TestCase):
    def node(self, text, *more):
        return support.run("node", f"--config-file={self.write(text)}", *more)

    def assert_only_the_file(self):
        self.assertEqual([p.name for p in self.dir.iterdir()], ["node.conf"])

    def test_each_error_is_one_line_and_nothing_is_created(self):
        result = self.node('[troupe]\nid = "one"\ntik = 2s\nmembers = [{id = 1}]\n[scheduler]\nmax-threads = "x"\n')
        self.assert_refused(result, "'id' must be a whole number", "unknown key 'tik'", "member 1 has none",
                            "'scheduler.max-threads' must be")
        self.assertEqual(len(result[2].splitlines()), 4)
        for line in result[2].splitlines():
            self.assertRegex(line, r"^troupe: .*/node\.conf:\d+: ")
        self.assert_only_the_file()

    def test_missing_members_are_refused(self):
        self.assert_refused(self.node('[troupe]\ndata-dir = "d"\npeer-address = "127.0.0.1:3181"\n'), "'members' is missing")
        self.assert_refused(self.node('[troupe]\ndata-dir = "d"\nmembers = [{id = 2, address = "127.0.0.1:3181"}]\n'),
                            "lacks this node's own id 1")
        self.assert_only_the_file()

    def test_a_missing_file_and_a_syntax_error_are_refused(self):
        self.assert_refused(support.run("node", f"--config-file={self.dir}/none"), "cannot be read: No such file")
        self.assert_refused(self.node("[troupe]\n# hello\n"), "node.conf:2: syntax error", "a comment starts with ';'")

    def test_a_taken_port_is_refused_before_anything_is_created(self):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            s.listen()
            port = s.getsockname()[1]
            result = self.node(f'[troupe]\ndata-dir = "d"\nclient-port = {port}\n')
        self.assert_refused(result, f"127.0.0.1:{port} ('client-port') is in use")
        self.assertEqual(len(result[2].splitlines()), 1)
        self.assert_only_the_file()

    def test_a_directory_that_cannot_be_written_is_refused(self):
        port = support.free_base_port(1)
        for where in ("/proc/troupe", str(self.dir / "node.conf" / "data")):
            result = self.node(f'[troupe]\ndata-dir = "{where}"\nclient-port = {port}\n')
            self.assert_refused(result, "cannot be made or written")
            self.assertEqual(len(result[2].splitlines()), 1)
        self.assert_only_the_file()

    def test_print_config_shows_what_holds_and_reads_back(self):
        code, out, err = self.node('[troupe]\ndata-dir = "d"\ntick = 300ms\n[scheduler]\nmax-threads = 3\n', "--print-config")
        self.assertEqual((code, err), (0, ""))
        for line in ("tick = 300ms", "min-session-timeout = 600ms", "max-threads = 3", "policy = 'sharing'",
                     f'data-dir = "{self.dir}/d"'):
            self.assertIn(line + "\n", out)
        self.assertEqual(self.node(out, "--print-config"), (0, out, ""))
        self.assert_only_the_file()

    def test_print_config_without_a_file_shows_the_defaults(self):
        code, out, err = support.run("node", "--print-config")
        self.assertEqual((code, err), (0, ""))
        self.assertIn("client-port = 2181\n", out)
        self.assertIn("tick = 2s\n", out)

    def test_the_readme_lists_every_key_and_no_other(self):
        readme = (support.SOURCE / "README.md").read_text()
        table = readme.split("## Configuration")[1].split("\n## ")[0]
        listed = set(re.findall(r"^\| `([a-z-]+)`", table, re.M))
        self.assertEqual(listed, keys_of(support.run("node", "--print-config")[1]))

    def test_the_example_of_the_readme_is_accepted(self):
        readme = (support.SOURCE / "README.md").read_text()
        example = re.search(r"```ini\n(.*?)```", readme, re.S).group(1)
        code, _, err = self.node(example, "--print-config")
        self.assertEqual((code, err), (0, ""))


unittest.main()
