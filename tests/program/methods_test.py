"""The options and methods of mock-hyperstart that rpc_test.py does not have, from end to end."""

import json
import os
import signal
import socket
import subprocess
import tempfile
import unittest

from double import DEADLINE, PROGRAM, Double, RpcError, ctl, io

STARTPOD, READY, ACK, PING, NEXT, NEWCONTAINER = 1, 8, 9, 12, 14, 17


class Options(unittest.TestCase):
    def new_container(self, channel, *args):
        self.assertEqual(channel.receive(), (READY, b''))
        self.assertEqual(channel.call(STARTPOD, b'{"hostname":"h","shareDir":"s"}'), (ACK, b''))
        process = {'id': 'init', 'stdio': 1, 'stderr': 2, 'args': args, 'workdir': '/'}
        return channel.call(NEWCONTAINER, json.dumps(
            {'id': 'c', 'rootfs': 'r', 'image': 'i', 'process': process}).encode())

    def test_local_programs(self):
        with Double('--model', '--programs', 'local') as double, ctl(double) as c, io(double) as i:
            self.assertEqual(self.new_container(c, '/bin/sh', '-c', 'read x; echo $((x * 2))'),
                             (ACK, b''))
            i.send(1, b'21\n')
            self.assertEqual(i.receive(), (1, b'42\n'))

    def test_builtin_programs(self):
        with Double('--model', '--programs', 'builtin') as double, ctl(double) as c, \
                io(double) as i:
            self.new_container(c, '/bin/echo', 'a', 'b')
            self.assertEqual(i.receive(), (1, b'a b\n'))

    def test_transports(self):
        # Whether a second client gets `ready`.
        for transport, readies in (('unix', 0), ('virtio', 1), ('vsock', 2)):
            with Double('--transport', transport) as double:
                found = 0
                for _ in range(2):
                    with ctl(double) as c:
                        c.send(PING)
                        frame = c.receive()
                        found += frame[0] == READY
                        while frame[0] != ACK:
                            frame = c.receive()
                    double.call('wait_for_disconnect', channel='ctl')
                self.assertEqual(found, readies, transport)

    def test_vsock_closes_a_second_client(self):
        with Double('--transport', 'vsock') as double, ctl(double) as first:
            self.assertEqual(first.receive(), (READY, b''))
            with ctl(double) as second, self.assertRaises(EOFError):
                second.receive()
            self.assertEqual(first.receive(), (READY, b''))

    def test_the_old_agent_and_the_api_version(self):
        for arguments, version in ((['--model', 'hyperstart-0.7.0'], 4242), (['--model'], 4244),
                                   (['--api-version', '17'], 17)):
            with Double(*arguments) as double, ctl(double) as c:
                reply = c.call(0)
                if reply[0] == READY:
                    reply = c.receive()
                    while reply[0] == NEXT:
                        reply = c.receive()
                self.assertEqual(reply, (ACK, version.to_bytes(4, 'big')))

    def test_next_acks(self):
        for mode, nexts in (('per-read', [8, 1]), ('per-frame', [8, 1]), ('none', [])):
            with Double('--next-acks', mode) as double, ctl(double) as c:
                c.send(PING, b'x')
                found = []
                frame = c.receive()
                while frame[0] == NEXT:
                    found.append(int.from_bytes(frame[1], 'big'))
                    frame = c.receive()
                self.assertEqual((found, frame), (nexts, (ACK, b'')))

    def test_paths_that_are_given(self):
        with tempfile.TemporaryDirectory() as directory:
            paths = [os.path.join(directory, name) for name in ('c', 'i')]
            with Double('--ctl', paths[0], '--io', paths[1], '--ready-on-connect') as double:
                self.assertEqual([double.ctl, double.io], paths)
                with ctl(double) as c:
                    self.assertEqual(c.receive(), (READY, b''))
            self.assertEqual(os.listdir(directory), [])

    def test_strict_and_the_dialect(self):
        with Double('--strict', '--dialect', 'clear-containers') as double, ctl(double) as c:
            c.call(23)
            self.assertEqual(double.call('messages')[0]['command'], 'pscontainer')
            c.socket.sendall(c.header.pack(PING, 12))
            self.assertEqual(c.receive()[0], NEXT)
            violations = double.call('take_violations')
            self.assertEqual([v['channel'] for v in violations], ['ctl'])


class Methods(unittest.TestCase):
    def test_transcripts(self):
        with Double() as double, ctl(double) as c:
            c.call(PING, b'hello')
            self.assertRegex(double.call('transcript'), r'ctl +--> +ping +5 bytes +"?hello')
            mermaid = double.call('transcript', format='mermaid')
            self.assertTrue(mermaid.startswith('sequenceDiagram'))
            self.assertIn('ping', mermaid)
            text = double.call('transcript', format='json')
            events = json.loads(text)
            self.assertEqual([json.loads(line.strip('[],\n ')) for line in text.splitlines()], events)
            self.assertEqual([e['number'] for e in events], list(range(1, len(events) + 1)))
            received = [e for e in events if e['kind'] == 'received']
            self.assertEqual([(e['command'], e['payload']) for e in received], [('ping', 'hello')])
        with Double('--bounded') as double:
            self.assertEqual(json.loads(double.call('transcript', format='json')), [])

    def test_set_write_size(self):
        with Double() as double, io(double) as i:
            double.call('set_write_size', channel='io', bytes=1)
            double.call('send_io', seq=1, data='hello')
            self.assertEqual(i.receive(), (1, b'hello'))
            double.call('set_write_size', channel='io', bytes=0)

    def test_pause_reading(self):
        with Double() as double, io(double) as i:
            double.call('wait_for_connection', channel='io')
            double.call('pause_reading', channel='io')
            i.socket.setblocking(False)
            sent = 0
            with self.assertRaises(BlockingIOError):  # the pipe is full: nobody reads
                while True:
                    sent += i.socket.send(i.header.pack(1, i.header.size + 1) + b'x')
            packets = sent // 13
            double.call('resume_reading', channel='io')
            i.socket.settimeout(DEADLINE)
            rest = 13 * (packets + 1) - sent
            if rest < 13:
                i.socket.sendall((i.header.pack(1, 13) + b'x')[-rest:])
                packets += 1
            self.assertEqual(double.call('read_stream', seq=1, bytes=packets)['data'],
                             'x' * packets)

    def test_stop_listening(self):
        with Double() as double:
            double.call('stop_listening', channel='ctl')
            with self.assertRaises(OSError):
                ctl(double)
            with io(double):
                double.call('wait_for_connection', channel='io')
            double.call('resume_listening', channel='ctl')
            with ctl(double) as c:
                self.assertEqual(c.call(PING), (ACK, b''))

    def test_wait_for_both_channels(self):
        with Double() as double, ctl(double):
            with self.assertRaisesRegex(RpcError, 'no client on both channels within 0 ms'):
                double.call('wait_for_connection', timeout_ms=0)
            wait = double.send('wait_for_connection', timeout_ms=DEADLINE * 1000)
            with io(double):
                self.assertTrue(double.receive(wait))

    def test_shapes_of_replies(self):
        with Double() as double, ctl(double) as c:
            double.call('on', command='ping', reply={'ack': 'hello', 'pieces': 3, 'gap_ms': 1,
                                                     'after_ms': 1})
            self.assertEqual(c.call(PING), (ACK, b'hello'))
            double.call('on', command='ping', reply={'ack': 'hello', 'with_length': 10})
            self.assertEqual(c.call(PING), (ACK, b'he'))
            self.assertEqual(c._read(3), b'llo')
            double.call('on', command='ping', reply={'frame': {'command': 'ready', 'payload': 'x'}})
            self.assertEqual(c.call(PING), (READY, b'x'))
            double.call('on', command='ping', reply={'nothing': True})
            double.call('on', command='ping',
                        reply={'ack': 'hello', 'truncated': 9, 'then_disconnect': True})
            c.send(PING)
            double.call('wait_for_message', command='ping')
            c.send(PING)
            nexts = c.header.pack(NEXT, 12) + b'\0\0\0\x08'
            self.assertEqual(c._read(33), 2 * nexts + c.header.pack(ACK, 13) + b'h')
            with self.assertRaises(EOFError):
                c.receive()

    def test_what_ends_a_connection(self):
        with Double() as double:
            for method in ('disconnect', 'reset', 'shutdown_send'):
                with ctl(double) as c:
                    double.call('wait_for_connection', channel='ctl')
                    double.call(method, channel='ctl')
                    if method == 'reset':
                        c.send(PING)  # only then it sees the reset
                    with self.assertRaises((EOFError, ConnectionResetError)) as caught:
                        c.receive()
                    self.assertEqual(caught.exception.__class__ is ConnectionResetError,
                                     method == 'reset')
                double.call('wait_for_disconnect', channel='ctl')

    def test_messages_of_the_agent(self):
        with Double() as double, ctl(double) as c:
            double.call('send_ready')
            self.assertEqual(c.receive(), (READY, b''))
            double.call('send_process_event', container='c', process='p', status=-1)
            self.assertEqual(json.loads(c.receive()[1]), {'container': 'c', 'process': 'p',
                                                          'event': 'finished', 'status': -1})


class Ends(unittest.TestCase):
    def test_a_reader_that_stalls_sees_the_end(self):
        with subprocess.Popen([PROGRAM, '--rpc', '--output-limit', '100000'],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE) as process:
            double = type('Paths', (), json.loads(process.stdout.readline())['params'])
            process.stdin.write(b'{"jsonrpc":"2.0","method":"subscribe"}\n')
            process.stdin.flush()
            with ctl(double) as c:
                for _ in range(5000):
                    c.call(PING)
            self.assertIn(b'does not read', process.stderr.readline())
            # Each line before the end is whole, and none is missing between them.
            numbers = [json.loads(line)['params']['number'] for line in process.stdout
                       if line.endswith(b'\n')]
            self.assertEqual(numbers, list(range(numbers[0], numbers[0] + len(numbers))))
            with ctl(double) as c:  # the double goes on
                self.assertEqual(c.call(PING), (ACK, b''))
            process.stdin.close()
            self.assertEqual(process.wait(DEADLINE), 0)

    def test_a_stalled_client_of_control(self):
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, 'control')
            with Double('--control', path, '--output-limit', '100000') as double:
                with socket.socket(socket.AF_UNIX) as client, ctl(double) as c:
                    client.settimeout(DEADLINE)
                    client.connect(path)
                    client.sendall(b'{"method": "subscribe"}\n{"id": 1, "method": "messages"}\n')
                    seen = b''
                    while b'"id":1' not in seen:
                        seen += client.recv(4096)
                    for _ in range(5000):
                        c.call(PING)
                    while client.recv(65536):
                        pass  # to its end
                    self.assertEqual(double.call('take_violations'), [])
                self.assertEqual(double.close(), 0)

    def test_a_control_socket_of_a_killed_program_is_replaced(self):
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, 'control')
            with Double('--control', path) as double:
                double.process.send_signal(signal.SIGKILL)
                double.process.wait(DEADLINE)
                self.assertTrue(os.path.exists(path))
            with Double('--control', path) as double:
                taken = subprocess.run([PROGRAM, '--rpc', '--control', path],
                                       stdin=subprocess.DEVNULL, capture_output=True,
                                       timeout=DEADLINE, check=False)
                self.assertEqual(taken.returncode, 2)
                self.assertIn(b'in use', taken.stderr)
                self.assertEqual(double.close(), 0)

    def test_streams_that_are_closed(self):
        # As `mock-hyperstart <&- >&- 2>&-`. The end of stdin ends the program.
        for arguments in (['--rpc'], []):
            for closed in ([0], [0, 1, 2]):
                status = subprocess.run(
                    [PROGRAM, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                    timeout=DEADLINE, check=False,
                    preexec_fn=lambda fds=closed: [os.close(fd) for fd in fds]).returncode
                self.assertEqual(status, 0, (arguments, closed))

    def test_local_processes_end_with_the_program(self):
        with Double('--model', '--programs', 'local') as double, ctl(double) as c, io(double) as i:
            Options.new_container(self, c, '/bin/sh', '-c', 'echo $$; exec sleep 1000')
            pid = int(i.receive()[1])
            double.process.send_signal(signal.SIGTERM)
            self.assertEqual(double.process.wait(DEADLINE), 0)
            with self.assertRaises(ProcessLookupError):
                os.kill(pid, 0)


if __name__ == '__main__':
    unittest.main()
