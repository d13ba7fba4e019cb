"""mock-hyperstart between a client and an agent, and in an agent's place: --forward, --record,
--pcapng, --replay, and save_recording and save_pcapng."""

import contextlib
import json
import os
import resource
import signal
import subprocess
import tempfile
import unittest
from unittest import mock

from double import DEADLINE, PROGRAM, Double, RpcError, ctl, io

STARTPOD, EXECCMD, ACK, ERROR, PING, PROCESSASYNCEVENT = 1, 6, 9, 10, 12, 23
POD = b'{"hostname":"web","shareDir":"share"}'
EXEC = json.dumps({'container': 'hyperstart',
                   'process': {'id': 'p1', 'terminal': False, 'stdio': 1, 'stderr': 2,
                               'args': ['cat'], 'envs': [], 'workdir': '/'}}).encode()


def run_cat(double):
    """A pod with one process, to its end: what the client has heard."""
    heard = []
    with ctl(double) as c, io(double) as i:
        heard.append(c.call(STARTPOD, POD))
        heard.append(c.call(EXECCMD, EXEC))
        i.send(1, b'hello')
        heard.append(i.receive())
        i.send(1)
        heard.append(i.receive())
        heard.append(c.receive())
    return heard


HEARD = [(ACK, b''), (ACK, b''), (1, b'hello'), (1, b''),
         (PROCESSASYNCEVENT,
          b'{"container":"hyperstart","process":"p1","event":"finished","status":0}')]


class Recording(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = directory.name
        self.path = os.path.join(directory.name, 'session.json')

    def record(self):
        """A client, a spy that records, and the model behind."""
        with Double('--model', '--transport', 'unix') as model:
            with Double('--forward', model.ctl, model.io, '--record', self.path) as spy:
                self.assertEqual(run_cat(spy), HEARD)
                for double in (spy, model):
                    double.call('wait_for_disconnect', channel='ctl')
                    double.call('wait_for_disconnect', channel='io')
                self.assertEqual(spy.close(), 0)
            self.assertEqual(model.close(), 0)

    def refuses(self, *arguments):
        ended = subprocess.run([PROGRAM, *arguments], stdin=subprocess.DEVNULL, capture_output=True,
                               timeout=DEADLINE)
        self.assertEqual(ended.returncode, 2, ended)
        return ended.stderr.decode()

    def test_a_recorded_session_is_replayed_without_the_model(self):
        self.record()
        self.assertEqual(os.listdir(self.directory), ['session.json'])
        with Double('--replay', self.path) as double:
            self.assertEqual(run_cat(double), HEARD)
            self.assertEqual(double.close(), 0)

    def test_a_client_that_leaves_the_recording(self):
        self.record()
        with Double('--replay', self.path) as double, ctl(double) as c, io(double):
            self.assertEqual(c.call(STARTPOD, POD.replace(b'web', b'db')), (ERROR, b''))
            violation, = double.call('take_violations')
            self.assertIn('/hostname: expected "web", came "db"', violation['what'])
        with Double('--replay', self.path, '--replay-ignore', '/hostname') as double:
            with ctl(double) as c, io(double):
                self.assertEqual(c.call(STARTPOD, POD.replace(b'web', b'db')), (ACK, b''))
                self.assertEqual(c.call(PING), (ERROR, b''))
            double.call('wait_for_disconnect', channel='ctl')
            self.assertEqual(double.close(), 1)

    def test_a_plan_goes_before_the_recording(self):
        self.record()
        with Double('--replay', self.path) as double, ctl(double) as c, io(double):
            double.call('on', command='ping', reply={'ack': 'plan'})
            self.assertEqual(c.call(PING), (ACK, b'plan'))
            self.assertEqual(c.call(STARTPOD, POD), (ACK, b''))

    def test_an_operation_saves_what_has_been_said(self):
        with Double('--model', '--transport', 'unix') as model:
            run_cat(model)
            model.call('wait_for_disconnect', channel='ctl')
            model.call('wait_for_disconnect', channel='io')
            self.assertIsNone(model.call('save_recording', path=self.path))
            capture = os.path.join(self.directory, 'session.pcapng')
            self.assertIsNone(model.call('save_pcapng', path=capture))
            with open(capture, 'rb') as file:
                content = file.read()
            self.assertEqual(content[:4], b'\x0a\x0d\x0d\x0a')
            self.assertIn(POD, content)
            with self.assertRaises(RpcError) as caught:
                model.call('save_recording', path='/nowhere/x')
            self.assertIn('/nowhere/x', str(caught.exception))
        with Double('--replay', self.path) as double:
            self.assertEqual(run_cat(double), HEARD)

    def test_bounded_keeps_too_little_to_save(self):
        with Double('--bounded') as double, self.assertRaises(RpcError) as caught:
            double.call('save_pcapng', path=self.path)
        self.assertIn('without --bounded', str(caught.exception))
        self.assertFalse(os.path.exists(self.path))

    def test_pcapng_as_it_goes(self):
        with Double('--pcapng', self.path, '--record', self.path + '2') as double:
            with ctl(double) as c:
                c.call(PING, b'hello')
            self.assertEqual(double.close(), 0)
        with open(self.path, 'rb') as file:
            self.assertIn(b'hello', file.read())
        with open(self.path + '2') as file:
            self.assertEqual(json.load(file)['events'][0]['dir'], 'open')

    def test_what_was_recorded_before_the_program_was_killed(self):
        with open(self.path, 'w') as file:
            file.write('old')
        with Double('--record', self.path) as double, ctl(double) as c:
            c.call(PING, b'hello')
            double.process.send_signal(signal.SIGKILL)
            double.process.wait(DEADLINE)
        with open(self.path) as file:
            self.assertEqual(file.read(), 'old', 'an old file is replaced by a complete one')
        part, = (name for name in os.listdir(self.directory) if '.part.' in name)
        with open(os.path.join(self.directory, part)) as file:
            directions = [event['dir'] for event in json.load(file)['events']]
        self.assertEqual(directions[:2], ['open', 'client->agent'])

    def test_a_full_disk_leaves_the_old_file(self):
        with open(self.path, 'w') as file:
            file.write('old')
        with contextlib.ExitStack() as stack:
            before = resource.getrlimit(resource.RLIMIT_FSIZE)
            resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, before[1]))
            try:
                double = stack.enter_context(Double('--record', self.path))
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, before)
            with ctl(double) as c:
                self.assertEqual(c.call(PING, b'x' * 20_000), (ACK, b''))
            double.process.stdin.close()
            self.assertEqual(double.process.wait(DEADLINE), 1)
            self.assertIn(b'cannot write', double.process.stderr.read())
        with open(self.path) as file:
            self.assertEqual(file.read(), 'old')
        self.assertEqual(os.listdir(self.directory), ['session.json'])

    def test_what_is_refused(self):
        self.assertIn('give one of them', self.refuses('--forward', 'a', 'b', '--model'))
        self.assertIn('give one of them', self.refuses('--replay', 'x', '--model'))
        self.assertIn('--forward', self.refuses('--forward', 'a'))
        self.assertIn('needs --forward', self.refuses('--compare'))
        self.assertIn('needs --replay', self.refuses('--replay-ignore', '/id'))
        self.assertIn('needs --replay', self.refuses('--replay-after-end', 'otherwise'))
        self.assertIn('another file', self.refuses('--record', self.path, '--pcapng', self.path))
        self.assertIn('--bounded', self.refuses('--bounded', '--record', self.path))
        self.assertIn('/nowhere/x', self.refuses('--record', '/nowhere/x'))
        self.assertIn('no regular file', self.refuses('--record', '/dev/null'))
        self.assertIn('cannot read /nowhere/x', self.refuses('--replay', '/nowhere/x'))
        with open(self.path, 'w') as file:
            file.write('{"format": "mock_hyperstart recording",\n"version": 2, "events": []}')
        self.assertIn(f'{self.path}:2: version 2 is newer', self.refuses('--replay', self.path))
        self.record()
        with open(self.path) as file:
            text = file.read()
        with open(self.path, 'w') as file:
            file.write(text[:len(text) // 2])
        self.assertIn('cut off', self.refuses('--replay', self.path))
        self.record()
        self.assertIn('JSON pointer', self.refuses('--replay', self.path, '--replay-ignore', 'id'))

    def test_the_model_answers_after_the_end(self):
        self.record()
        with Double('--replay', self.path, '--replay-after-end', 'otherwise', '--model',
                    '--transport', 'unix') as double:
            self.assertEqual(run_cat(double), HEARD)
            with ctl(double) as c:
                self.assertEqual(c.call(5, b'{}')[0], ERROR, 'there is no container')
            self.assertEqual(double.close(), 0)

    def test_an_agent_is_compared_with_the_model(self):
        with Double('--model', '--transport', 'unix') as model:
            with Double('--forward', model.ctl, model.io, '--compare') as spy:
                self.assertEqual(run_cat(spy), HEARD)
                for channel in ('ctl', 'io'):
                    spy.call('wait_for_disconnect', channel=channel)
                self.assertEqual(spy.close(), 0)
            model.call('on', command='ping', reply={'error': 'spoiled'})
            with Double('--forward', model.ctl, model.io, '--compare', 'hyperstart-1.1.0') as spy:
                with ctl(spy) as c:
                    self.assertEqual(c.call(PING), (ERROR, b'spoiled'))
                violation, = spy.call('take_violations')
                for text in ('differs from the model of hyperstart 1.1.0', 'where:     ping',
                             'the agent: error 7 bytes "spoiled"', 'the model: ack',
                             '[virtio-03a-ping]'):
                    self.assertIn(text, violation['what'])

    def test_an_agent_that_is_not_there(self):
        with mock.patch.dict(os.environ, {'MOCK_HYPERSTART_TIMEOUT_MS': '30'}), \
                Double('--forward', '/nowhere/ctl', '/nowhere/io') as double:
            with ctl(double) as c, self.assertRaises(EOFError):
                c.receive()
            failures = double.call('stop')['failures']
            self.assertIn('cannot forward a client of ctl to the agent at /nowhere/ctl',
                          failures[0])

    def test_the_prompt_saves(self):
        subprocess.run([PROGRAM], input=f'save_recording {self.path}\nquit\n'.encode(),
                       capture_output=True, timeout=DEADLINE, check=True)
        with open(self.path) as file:
            self.assertEqual(json.load(file)['events'], [])


if __name__ == '__main__':
    unittest.main()
