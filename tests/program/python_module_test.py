"""The Python module of the examples: what is wrong in a program, a handler or a call."""

import concurrent.futures
import os
import signal
import subprocess
import sys
import tempfile
import threading
import unittest
from unittest import mock

from double import DEADLINE, PROGRAM, ctl
import hyperstart_mock
from hyperstart_mock import HyperstartMock

ACK, ERROR, PING = 9, 10, 12


def in_time(call, *arguments, **parameters):
    """What the call returns or raises, in another thread: one that hangs fails the test."""
    future = concurrent.futures.Future()

    def run():
        try:
            future.set_result(call(*arguments, **parameters))
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return future.result(DEADLINE)


class Module(unittest.TestCase):
    def start(self, **options):
        agent = HyperstartMock(**options)
        self.addCleanup(agent.end)
        self.addCleanup(agent.process.kill)
        return agent

    def start_script(self, script, **options):
        """A mock whose program is a script of the shell."""
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, 'script')
            with open(path, 'w', encoding='utf-8') as file:
                file.write('#!/bin/sh\n' + script + '\n')
            os.chmod(path, 0o700)
            with mock.patch.dict(os.environ, MOCK_HYPERSTART=path):
                return self.start(**options)

    def test_bytes_at_any_depth(self):
        agent = self.start()
        agent.on(command='ping', reply={'ack': b'\xff\0'})
        agent.on(command='ping', reply={'error': b'no', 'pieces': 1})
        agent.on(command='ping', reply={'frame': {'command': 'ack', 'payload': b'\xfe'}})
        agent.on(command='ping', reply={'raw': b'\0\0\0\x09\0\0\0\x09\xfd'})
        with ctl(agent) as c:
            for reply in ((ACK, b'\xff\0'), (ERROR, b'no'), (ACK, b'\xfe'), (ACK, b'\xfd')):
                self.assertEqual(c.call(PING), reply)
        agent.close()

    def test_a_request_that_is_no_json(self):
        agent = self.start()
        with self.assertRaises(TypeError):
            agent.on(command='ping', reply=object())
        self.assertEqual(agent.messages(), [])
        self.assertEqual(agent._requests, {})
        agent.close()

    def test_a_handler_that_fails(self):
        def answer(command):
            if command['payload'] == b'raise':
                raise KeyError('mine')
            if command['payload'] == b'exit':
                sys.exit()
            return {b'object': object(), b'none': None}.get(command['payload'], {'ack': b'\xff'})

        agent = self.start(on_command=answer)
        agent.handle_commands(enabled=True)
        with ctl(agent) as c:
            for payload, text in ((b'raise', b"KeyError('mine')"), (b'exit', b'SystemExit()'),
                                  (b'object', b'not JSON serializable')):
                code, reply = c.call(PING, payload)
                self.assertEqual(code, ERROR)
                self.assertIn(text, reply)
            self.assertEqual(c.call(PING, b'none'), (ACK, b''))
            self.assertEqual(c.call(PING, b'bytes'), (ACK, b'\xff'))
        with self.assertRaisesRegex(AssertionError, 'the handler threw at a ping: .*mine'):
            agent.close()

    def test_commands_without_a_handler(self):
        agent = self.start()
        agent.handle_commands(enabled=True)
        with ctl(agent) as c:
            self.assertEqual(c.call(PING), (ACK, b''))
        agent.close()

    def test_a_program_that_was_killed(self):
        agent = self.start()
        wait = agent.send('wait_for_message', timeout_ms=DEADLINE * 1000)
        agent.process.kill()
        with self.assertRaises(EOFError):
            wait.result(DEADLINE)
        for _ in range(3):
            with self.assertRaises(EOFError):
                in_time(agent.messages)
        with self.assertRaises(EOFError):
            in_time(agent.close)
        self.assertEqual(agent.process.returncode, -signal.SIGKILL)
        self.assertTrue(agent.process.stdout.closed)
        agent.close()

    def test_calls_at_the_time_of_its_death(self):
        for _ in range(20):
            agent = self.start()
            agent.process.kill()
            with self.assertRaises(EOFError):
                while True:
                    in_time(agent.messages)

    def test_a_line_that_is_no_json_ends_the_calls(self):
        agent = self.start_script(
            """echo '{"params": {"ctl": "", "io": ""}}'; read line; echo oops; exec cat >&2""",
            stderr=subprocess.DEVNULL)
        with mock.patch('threading.excepthook'):
            with self.assertRaises(EOFError):
                in_time(agent.messages)
            with self.assertRaises(EOFError):
                in_time(agent.messages)

    def test_a_test_that_does_not_close_it(self):
        code = 'from hyperstart_mock import HyperstartMock; agent = HyperstartMock()'
        with tempfile.TemporaryFile() as errors:
            done = subprocess.run([sys.executable, '-B', '-c', code], timeout=DEADLINE, check=False,
                                  cwd=os.path.dirname(hyperstart_mock.__file__), stderr=errors)
            errors.seek(0)
            self.assertEqual((done.returncode, errors.read()), (0, b''))

    def test_close_twice(self):
        agent = self.start()
        agent.on(command='ping', reply={})
        with self.assertRaises(AssertionError):
            agent.close()
        agent.close()
        with self.assertRaises(EOFError):
            in_time(agent.messages)

    def test_programs_that_do_not_start(self):
        with mock.patch.dict(os.environ, MOCK_HYPERSTART='/nowhere/mock'), \
                self.assertRaisesRegex(OSError, '/nowhere/mock.*MOCK_HYPERSTART'):
            HyperstartMock()
        for script in ('exit 3', 'echo usage; exec cat', 'echo 17; exec cat', 'echo "{}"; exec cat'):
            with self.subTest(script), self.assertRaisesRegex(OSError, 'MOCK_HYPERSTART'):
                in_time(self.start_script, script)

    def test_programs_that_print_no_line(self):
        started = []

        class Popen(subprocess.Popen):
            def __init__(self, *arguments, **options):
                super().__init__(*arguments, **options)
                started.append(self)

        # In the second, a child of the script keeps the pipe open after the script was killed.
        for script in ('exec cat', 'cat; exit', "printf '{'; exec cat"):
            with self.subTest(script), mock.patch('subprocess.Popen', Popen), \
                    mock.patch.object(hyperstart_mock, 'START_TIMEOUT', 0.2), \
                    self.assertRaisesRegex(OSError, 'no line within 0.2 s.*MOCK_HYPERSTART'):
                in_time(self.start_script, script)
            self.assertEqual(started.pop().returncode, -signal.SIGKILL)

    def test_an_empty_variable_is_as_none(self):
        with tempfile.TemporaryDirectory() as directory:
            os.symlink(PROGRAM, os.path.join(directory, 'mock-hyperstart'))
            with mock.patch.dict(os.environ, MOCK_HYPERSTART='', PATH=directory):
                self.start().close()


if __name__ == '__main__':
    unittest.main()
