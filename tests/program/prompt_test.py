"""The prompt of mock-hyperstart, --script, --control and hyperstart-ctl, from end to end."""

import fcntl
import json
import os
import pty
import re
import select
import signal
import socket
import struct
import subprocess
import tempfile
import termios
import time
import unittest

from double import DEADLINE, PROGRAM, Double, ctl, io

CTL = os.environ['HYPERSTART_CTL_PROGRAM']


class Terminal:
    """mock-hyperstart on a pty."""

    def __init__(self, *arguments, **variables):
        self.master, slave = pty.openpty()
        self.resize(24, 200, slave)
        environment = dict(os.environ, TERM='xterm', LC_ALL='C.UTF-8', **variables)
        self.process = subprocess.Popen([PROGRAM, *arguments], stdin=slave, stdout=slave,
                                        stderr=slave, env=environment, start_new_session=True,
                                        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        os.close(slave)
        self.shown = ''
        found = self.expect(r'listening on ctl (\S+), io ([^;]+);')
        self.ctl, self.io = found.groups()
        self.expect('hyperstart> ')

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(DEADLINE)
        os.close(self.master)

    def resize(self, rows, columns, fd=None):
        fcntl.ioctl(fd or self.master, termios.TIOCSWINSZ, struct.pack('HHHH', rows, columns, 0, 0))

    def type(self, text):
        os.write(self.master, text.encode())

    def expect(self, pattern):
        """Waits for it, and forgets what was shown up to its end."""
        end = time.monotonic() + DEADLINE
        while True:
            found = re.search(pattern, self.shown)
            if found:
                self.shown = self.shown[found.end():]
                return found
            if not select.select([self.master], [], [], max(0, end - time.monotonic()))[0]:
                raise TimeoutError(f'no {pattern!r} in {self.shown!r}')
            try:
                self.shown += os.read(self.master, 65536).decode(errors='replace')
            except OSError as error:
                raise EOFError(f'no {pattern!r} in {self.shown!r}') from error


class Prompt(unittest.TestCase):
    def test_verbs_and_live_events_in_colour(self):
        with Terminal() as terminal, ctl(terminal) as c:
            terminal.expect('connected')
            terminal.type('on startpod error "no space" once\n')
            terminal.expect('ok\r\n')
            terminal.type('mess')
            terminal.expect('mess')
            self.assertEqual(c.call(1), (10, b'no space'))
            terminal.expect('\x1b\\[36m-->  startpod')
            terminal.expect('\x1b\\[32m<--')
            terminal.type('ages\n')  # what was typed before the event is still there
            terminal.expect(r'\[\{"command":"startpod","payload":""\}\]')
            terminal.type('wait_for_message ping timeout_ms=0\n')
            terminal.expect('no ping within 0 ms')
            terminal.type('nonsense\n')
            terminal.expect('there is no verb nonsense: see help')
            terminal.type('send_io x y\n')
            terminal.expect('seq is a whole number')
            terminal.type('transcript\n')
            terminal.expect(r'\[hyperstart\].*startpod')
            terminal.type('help\n')
            terminal.expect('on \\[COMMAND\\] REPLY')
            terminal.type('quit\n')
            self.assertEqual(terminal.process.wait(DEADLINE), 0)

    def test_no_colours(self):
        with Terminal(NO_COLOR='1') as terminal, ctl(terminal) as c:
            c.call(1)
            terminal.type('transcript\n')
            terminal.expect('ctl +--> +startpod')

    def test_completion_and_history(self):
        with Terminal() as terminal:
            terminal.type('take_\t\n')
            terminal.expect('violations')
            terminal.expect(r'\[\]')
            terminal.type('\x1b[A\n')
            terminal.expect('violations')
            terminal.expect(r'\[\]')
            terminal.type('send_message pi\t\n')
            terminal.expect('ok')
            terminal.type('wait_for_\t')
            terminal.expect('wait_for_connection +wait_for_disconnect')

    def test_it_ends_on_control_c_and_control_d(self):
        for key in ('\x03', '\x04'):
            with Terminal() as terminal:
                terminal.type(key)
                self.assertEqual(terminal.process.wait(DEADLINE), 0, repr(key))
                self.assertFalse(os.path.exists(terminal.ctl))

    def test_control_c_ends_a_wait(self):
        with Terminal() as terminal:
            terminal.type(f'wait_for_message ping timeout_ms={DEADLINE * 1000}\n')
            terminal.expect('\r\n')
            terminal.type('\x03')
            self.assertEqual(terminal.process.wait(DEADLINE), 0)

    def test_a_resize_keeps_the_line(self):
        with Terminal() as terminal:
            terminal.type('take_viol')
            terminal.expect('take_viol')
            terminal.resize(10, 40)
            terminal.type('ations\n')
            terminal.expect(r'\[\]')


class Lines(unittest.TestCase):
    def run_lines(self, text, *arguments, **variables):
        return subprocess.run([PROGRAM, *arguments], input=text, capture_output=True, text=True,
                              timeout=DEADLINE, check=False, env=dict(os.environ, **variables))

    def test_lines_through_a_pipe(self):
        done = self.run_lines('# a comment\n\nmessages\nbad\nsend_io 1 "\\xff"\nclose_io 1')
        self.assertEqual(done.returncode, 0)
        self.assertRegex(done.stdout, r'^listening on ctl .*\n\[\]\nok\nok\n$')
        self.assertEqual(done.stderr, 'there is no verb bad: see help\n')

    def test_colours_of_the_transcript(self):
        for colour, variables in [(False, {}), (True, {'CLICOLOR_FORCE': '1'}),
                                  (False, {'CLICOLOR_FORCE': '1', 'NO_COLOR': '1'})]:
            done = self.run_lines('stop_listening io\ntranscript\ntranscript json\n', **variables)
            self.assertIn('listening stopped', done.stdout)
            self.assertEqual('\x1b[' in done.stdout, colour, variables)

    def test_unused_plans_are_exit_status_1(self):
        done = self.run_lines('on ping ack "x" once\nquit\n')
        self.assertEqual(done.returncode, 1)
        self.assertIn('this WillOnce was never used', done.stderr)

    def test_scripts(self):
        with tempfile.NamedTemporaryFile('w', suffix='.script') as script:
            script.write('on ping error "scripted" after 1 repeatedly\n')
            script.flush()
            with_script = self.run_lines('', '--script', script.name)
            self.assertEqual((with_script.returncode, with_script.stderr), (0, ''))
            script.write('on ping wrong\n')
            script.flush()
            bad = self.run_lines('', '--script', script.name)
            self.assertEqual(bad.returncode, 2)
            self.assertIn('a reply is ack', bad.stderr)

    def test_lists_have_one_item_a_line(self):
        done = self.run_lines('stop_listening io\nstop_listening ctl\ntranscript json\n')
        text = done.stdout[done.stdout.index('['):]
        self.assertEqual((len(text.splitlines()), len(json.loads(text))), (2, 2))

    def test_too_many_words(self):
        self.assertEqual(self.run_lines('close_io 1 2').stderr,
                         'too many words (text with blanks stands in "quotes"): close_io SEQ\n')


class Control(unittest.TestCase):
    def test_several_clients(self):
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, 'control')
            with Double('--control', path) as double, ctl(double) as c:
                files = []
                for _ in range(3):
                    client = socket.socket(socket.AF_UNIX)
                    client.settimeout(DEADLINE)
                    client.connect(path)
                    files.append(client.makefile('rw'))
                    client.close()
                    self.assertEqual(json.loads(files[-1].readline()), double.listening)
                c.call(12)
                for number, file in enumerate(files):
                    file.write('{"id": %d, "method": "messages", "params": {"take": false}}\n'
                               % number)
                    file.flush()
                    answer = json.loads(file.readline())
                    self.assertEqual((answer['id'], len(answer['result'])), (number, 1))
                files[0].close()
                self.assertEqual(double.close(), 0)
                for file in files[1:]:
                    self.assertEqual(file.readline(), '')
                    file.close()
                self.assertFalse(os.path.exists(path))


    def test_the_waits_of_a_client_that_leaves_end(self):
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, 'control')
            with Double('--control', path) as double, ctl(double) as c:
                wait = (b'{"id": 1, "method": "wait_for_message", "params": {"timeout_ms": '
                        b'4000000000}}\n')
                double.call('wait_for_connection', channel='ctl')
                descriptors = f'/proc/{double.process.pid}/fd'
                before = len(os.listdir(descriptors))

                def begin_wait(client):
                    client.settimeout(DEADLINE)
                    client.connect(path)
                    self.assertIn(b'listening', client.recv(4096))
                    client.sendall(wait)

                # It sends nothing more, but waits for the answer.
                with socket.socket(socket.AF_UNIX) as client:
                    begin_wait(client)
                    client.shutdown(socket.SHUT_WR)
                    c.call(12)
                    with client.makefile('r') as file:
                        self.assertEqual(json.loads(file.readline())['result']['command'], 'ping')
                        self.assertEqual(file.readline(), '')
                # It leaves: when its waits have ended, its connection is closed.
                with socket.socket(socket.AF_UNIX) as client:
                    begin_wait(client)
                    self.assertGreater(len(os.listdir(descriptors)), before)
                end = time.monotonic() + DEADLINE
                while len(os.listdir(descriptors)) > before and time.monotonic() < end:
                    pass
                self.assertEqual(len(os.listdir(descriptors)), before)
                c.call(12)
                self.assertEqual(len(double.call('messages')), 1)


    def connect(self, path):
        """The stream of a client that has read `listening`."""
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(DEADLINE)
            client.connect(path)
            file = client.makefile('rw')
        self.assertIn('listening', file.readline())
        return file

    def call(self, file, method, **params):
        file.write(json.dumps({'id': 1, 'method': method, 'params': params}) + '\n')
        file.flush()
        while True:
            message = json.loads(file.readline())
            if 'result' in message:
                return message['result']

    def test_a_client_that_leaves_takes_away_only_its_own_handler(self):
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, 'control')
            with Double('--control', path, on_command=lambda command: {'error': 'mine'}) as double, \
                    ctl(double) as c:
                double.call('wait_for_connection', channel='ctl')
                descriptors = f'/proc/{double.process.pid}/fd'
                before = len(os.listdir(descriptors))
                with self.connect(path) as other:
                    self.call(other, 'handle_commands', enabled=True)
                    double.call('handle_commands', enabled=True)  # in place of the other's
                    self.call(other, 'handle_commands', enabled=False)
                    self.assertEqual(c.call(12), (10, b'mine'))
                    self.call(other, 'handle_commands', enabled=True)
                    double.call('handle_commands', enabled=True)
                end = time.monotonic() + DEADLINE
                while len(os.listdir(descriptors)) > before and time.monotonic() < end:
                    pass  # until the double has noticed that the other client has left
                self.assertEqual(c.call(12), (10, b'mine'))

    def test_stop_ends_commands_that_nobody_answers(self):
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, 'control')
            with Double('--control', path) as double, self.connect(path) as handler:
                for _ in range(200):
                    with ctl(double) as c:
                        # The handler is replaced again and again, also while the double stops.
                        handler.write('{"method": "handle_commands", "params": {"enabled": true}}\n'
                                      * 200)
                        handler.flush()
                        c.socket.sendall(c.header.pack(12, c.header.size) * 500)
                        double.call('stop')
                        double.call('start')
                self.call(handler, 'handle_commands', enabled=False)


class HyperstartCtl(unittest.TestCase):
    def run_ctl(self, *arguments, **options):
        return subprocess.run([CTL, *arguments], capture_output=True, timeout=DEADLINE, check=False,
                              **options)

    def test_verbs(self):
        with Double() as double:
            at = ('--ctl', double.ctl, '--io', double.io)
            self.assertEqual(self.run_ctl(*at, 'ping').stdout, b'pong\n')
            self.assertEqual(self.run_ctl(*at, 'version').stdout, b'4244\n')
            double.call('on', command='startpod', reply={'error': 'full'})
            done = self.run_ctl(*at, 'send', 'startpod', '-', input=b'{"hostname":"h"}')
            self.assertEqual(done.returncode, 1)
            self.assertIn(b'the agent answered startpod with an error: full', done.stderr)
            self.assertEqual(double.call('wait_for_message', command='startpod')['payload'],
                             '{"hostname":"h"}')
            double.call('on', command='ping', reply={'then_disconnect': True})
            done = self.run_ctl(*at, 'raw', '0000000c 00000008')
            self.assertIn(b'ack, 0 bytes', done.stdout)
            with subprocess.Popen([CTL, *at, 'io', '5'], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE) as client:
                client.stdin.write(b'hello\n')
                client.stdin.flush()
                self.assertEqual(double.call('read_stream', seq=5, bytes=6)['data'], 'hello\n')
                double.call('send_io', seq=5, data='world\n')
                self.assertEqual(client.stdout.readline(), b'world\n')
                double.call('close_io', seq=5)
                self.assertEqual(client.wait(DEADLINE), 0)

    def test_bad_command_lines(self):
        for arguments in ([], ['nonsense'], ['ping'], ['--ctl', 'x', 'send'],
                          ['--ctl', 'x', 'raw', 'zz']):
            self.assertEqual(self.run_ctl(*arguments).returncode, 2, arguments)
        self.assertEqual(self.run_ctl('--ctl', '/nonexistent', 'ping').returncode, 1)
        for program in (CTL, PROGRAM):
            done = subprocess.run([program, '--help'], capture_output=True, timeout=DEADLINE,
                                  check=False)
            self.assertEqual(done.returncode, 0)


if __name__ == '__main__':
    unittest.main()
