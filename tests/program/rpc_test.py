"""The JSON-RPC of mock-hyperstart, from end to end."""

import base64
import json
import os
import signal
import subprocess
import sys
import unittest

from double import DEADLINE, PROGRAM, Double, RpcError, ctl, io

STARTPOD, READY, ACK, ERROR, PING, NEWCONTAINER = 1, 8, 9, 10, 12, 17


class Rpc(unittest.TestCase):
    def fails(self, code, call, *arguments, **parameters):
        with self.assertRaises(RpcError) as caught:
            call(*arguments, **parameters)
        self.assertEqual(caught.exception.code, code, caught.exception)
        return str(caught.exception)

    def test_listening_is_the_first_line(self):
        with Double() as double:
            self.assertEqual(double.listening['method'], 'listening')
            self.assertEqual(double.listening['params']['name'], 'mock-hyperstart')
            self.assertEqual(double.listening['params']['protocol'], 1)

    def test_messages_and_io(self):
        with Double() as double, ctl(double) as c, io(double) as i:
            self.assertEqual(c.call(PING, b'hello'), (ACK, b''))
            self.assertEqual(double.call('messages', take=False),
                             [{'command': 'ping', 'payload': 'hello'}])
            self.assertEqual(double.call('wait_for_message', command=PING)['payload'], 'hello')
            self.assertEqual(double.call('messages'), [])
            i.send(7, b'\xff\x00')
            self.assertEqual(double.call('read_io', seq=7),
                             {'seq': 7, 'data_base64': base64.b64encode(b'\xff\0').decode()})
            i.send(8, b'abc')
            i.send(8, b'def')
            i.send(8)
            self.assertEqual(double.call('read_stream', seq=8, bytes=4), {'data': 'abcd'})
            self.assertEqual(double.call('read_stream_to_end', seq=8), {'data': 'ef'})
            double.call('send_io', seq=9, data_base64='/wA=')
            self.assertEqual(i.receive(), (9, b'\xff\0'))
            double.call('send_exit_status', seq=9, status=3)
            self.assertEqual(i.receive(), (9, b'\3'))
            double.call('close_io', seq=9)
            self.assertEqual(i.receive(), (9, b''))
            double.call('send_message', command='ready')
            self.assertEqual(c.receive(), (8, b''))
            double.call('send_raw', channel='ctl', data='12345678')
            self.assertEqual(c._read(8), b'12345678')
            double.call('disconnect', channel='ctl')
            self.assertTrue(double.call('wait_for_disconnect', channel='ctl'))

    def test_plans(self):
        with Double() as double, ctl(double) as c:
            double.call('on', command='startpod', reply={'error': 'no space'})
            double.call('on', command='newcontainer', payload_json={'/id': 'web'},
                        reply={'error': 'web'}, times='repeatedly')
            double.call('set_default_reply', reply={'ack': 'default'})
            self.fails(-32001, double.call, 'wait_for_plans', timeout_ms=0)
            self.assertEqual(c.call(STARTPOD), (ERROR, b'no space'))
            self.assertTrue(double.call('wait_for_plans'))
            self.assertEqual(c.call(STARTPOD), (ACK, b'default'))
            self.assertEqual(c.call(NEWCONTAINER, b'{"id": "web"}'), (ERROR, b'web'))
            self.assertEqual(c.call(NEWCONTAINER, b'{"id": "db"}'), (ACK, b'default'))
            self.assertEqual(double.close(), 0)

    def test_waits_answer_out_of_order(self):
        with Double() as double, ctl(double) as c:
            waits = [double.send('wait_for_message', payload_json={'/id': n}, timeout_ms=DEADLINE * 1000)
                     for n in range(20)]
            self.assertTrue(double.call('wait_for_connection', channel='ctl'))
            for n in reversed(range(20)):
                c.call(NEWCONTAINER, b'{"id": %d}' % n)
                self.assertEqual(double.receive(waits[n])['payload'], '{"id": %d}' % n)

    def test_waits_take_in_the_order_of_their_requests(self):
        def requests(number):
            lines = ['{"id": %d, "method": "read_io", "params": {"timeout_ms": %d}}'
                     % (n, DEADLINE * 1000) for n in range(number)]
            return ('\n'.join(lines) + '\n').encode()

        def answers(process, number):
            found = [json.loads(process.stdout.readline()) for _ in range(number)]
            return {a['id']: a['result']['seq'] for a in found}

        with subprocess.Popen([PROGRAM, '--rpc'], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE) as process:
            double = type('Paths', (), json.loads(process.stdout.readline())['params'])
            in_order = {n: n for n in range(20)}
            with io(double) as i:
                packets = b''.join(i.header.pack(n, 13) + b'x' for n in range(20))
                for _ in range(20):
                    # The packets are there.
                    i.socket.sendall(packets + i.header.pack(99, 13) + b'x')
                    process.stdin.write(b'{"id": 99, "method": "read_io", "params": {"seq": 99}}\n')
                    process.stdin.flush()
                    self.assertEqual(answers(process, 1), {99: 99})
                    process.stdin.write(requests(20))
                    process.stdin.flush()
                    self.assertEqual(answers(process, 20), in_order)
                    # They come once all requests wait, or later.
                    process.stdin.write(requests(20) + b'{"id": 99, "method": "messages"}\n')
                    process.stdin.flush()
                    self.assertEqual(json.loads(process.stdout.readline())['id'], 99)
                    i.socket.sendall(packets)
                    self.assertEqual(answers(process, 20), in_order)
            process.stdin.close()

    def test_a_failed_wait_says_what_came(self):
        with Double() as double, ctl(double) as c:
            c.call(NEWCONTAINER, b'{"id": "db"}')
            text = self.fails(-32001, double.call, 'wait_for_message', command='newcontainer',
                              payload_json={'/id': 'web'}, timeout_ms=0)
            self.assertIn('no message that is a newcontainer and holds JSON whose "/id" is equal '
                          'to "web" within 0 ms; received instead:', text)
            self.assertIn('which holds "db" at "/id"', text)

    def test_bad_lines(self):
        with Double() as double:
            for line in ['{', 'null x', '\xff', '[' * 100000]:
                double.process.stdin.write(line.encode('latin-1') + b'\n')
                double.process.stdin.flush()
                self.assertEqual(double.errors.get(timeout=DEADLINE)['code'], -32700)
            for line in ['[]', '17', '{}', '{"id": [], "method": "stop"}']:
                double.write(line)
                self.assertEqual(double.errors.get(timeout=DEADLINE)['code'], -32600)
            self.fails(-32601, double.call, 'nonsense')
            for method, parameters in [
                    ('disconnect', {}), ('disconnect', {'channel': 'tty'}),
                    ('messages', {'more': 1}), ('send_io', {'seq': -1, 'data': ''}),
                    ('send_io', {'seq': 1}), ('send_io', {'seq': 1, 'data_base64': '*'}),
                    ('send_io', {'seq': 1, 'data': '', 'data_base64': ''}),
                    ('send_message', {'command': 'pign'}), ('read_io', {'timeout_ms': 'x'}),
                    ('on', {'command': 'ping', 'reply': {'acc': ''}}),
                    ('on', {'command': 'ping', 'reply': {'ack': '', 'error': ''}}),
                    ('on', {'command': 'ping', 'reply': {'pieces': 0}}),
                    ('on', {'command': 'ping',
                            'reply': {'frame': {'command': 'ack', 'payoad': ''}}}),
                    ('on', {'command': 'ping', 'reply': {'frame': {'payload': ''}}}),
                    ('send_process_event', {'container': 'c', 'process': 'p',
                                            'status': 18446744073709551615}),
                    ('send_process_event', {'container': 'c', 'process': 'p', 'status': 2 ** 31}),
                    ('close_io', {'seq': 1.5}), ('close_io', {'seq': 2.0 ** 60}),
                    ('close_io', {'seq': -1.0}), ('close_io', {'seq': None}),
                    ('messages', {'more': None}),
                    ('transcript', {'format': 'pdf'})]:
                self.fails(-32602, double.call, method, **parameters)
            self.assertEqual(double.call('messages'), [])

    def test_null_is_the_same_as_none(self):
        with Double() as double, ctl(double) as c, io(double) as i:
            double.write('{"method": "send_ready", "params": null}')
            self.assertEqual(c.receive(), (READY, b''))
            double.call('on', command='ping', payload_json=None, times=None,
                        reply={'ack': 'x', 'error': None, 'pieces': None})
            self.assertEqual(c.call(PING), (ACK, b'x'))
            double.call('on', command='ping',
                        reply={'frame': {'command': 'error', 'payload': None,
                                         'payload_base64': 'eA=='}})
            self.assertEqual(c.call(PING), (ERROR, b'x'))
            double.call('send_io', seq=1, data=None, data_base64='eA==')
            self.assertEqual(i.receive(), (1, b'x'))
            self.assertEqual(double.call('wait_for_message', command=None, timeout_ms=None),
                             {'command': 'ping', 'payload': ''})
            self.assertEqual(len(double.call('messages', take=None)), 1)

    def test_whole_numbers_may_be_written_as_floats(self):
        with Double() as double, ctl(double) as c, io(double) as i:
            double.call('on', command=12.0, reply={'ack': 'x', 'after_ms': 1.0})
            self.assertEqual(c.call(PING), (ACK, b'x'))
            double.call('send_io', seq=2.0 ** 53, data='x')
            self.assertEqual(i.receive(), (2 ** 53, b'x'))
            double.call('send_process_event', container='c', process='p', status=-1.0)
            self.assertEqual(json.loads(c.receive()[1])['status'], -1)
            self.fails(-32001, double.call, 'read_io', seq=7.0, timeout_ms=0.0)

    def test_too_many_waits(self):
        with Double() as double, ctl(double) as c:
            wait = '"method": "wait_for_message", "params": {"timeout_ms": 60000}}'
            for _ in range(1001):  # the last one is too many
                double.write('{' + wait)
            self.fails(-32000, double.call, 'wait_for_message')
            self.assertTrue(double.errors.empty())

    def test_handle_commands(self):
        asked = []

        def answer(command):
            asked.append(command)
            return {'error': 'mine'} if command['payload'] == 'x' else None
        with Double(on_command=answer) as double, ctl(double) as c:
            double.call('handle_commands', enabled=True)
            self.assertEqual(c.call(PING, b'x'), (ERROR, b'mine'))
            self.assertEqual(c.call(PING, b'y'), (ACK, b''))
            self.assertEqual(asked[0], {'command': 'ping', 'payload': 'x'})
            double.call('handle_commands', enabled=False)
            self.assertEqual(c.call(PING, b'x'), (ACK, b''))

    def test_stop_says_what_a_test_would_fail_for(self):
        with Double() as double, ctl(double) as c:
            double.call('on', command='startpod', reply={})
            c.socket.sendall(bytes([0, 0, 0, 1, 0, 0, 0, 4]))
            wait = double.send('wait_for_message', command='ping')
            double.call('wait_for_disconnect', channel='ctl')
            failures = double.call('stop')['failures']
            self.assertEqual(len(failures), 2)
            self.assertIn('mock_hyperstart: the client violated the protocol on ctl', failures[0])
            self.assertIn('mock_hyperstart: this WillOnce was never used: too few startpod '
                          'commands came', failures[1])
            self.fails(-32001, double.receive, wait)
            self.assertFalse(os.path.exists(double.ctl))
            double.call('start')
            with ctl(double) as again:
                self.assertEqual(again.call(PING), (ACK, b''))
            self.assertEqual(double.close(), 1)

    def test_subscribe_loses_none_of_many(self):
        thousands = int(os.environ.get('MOCK_HYPERSTART_TEST_THOUSANDS', 100))  # fewer with sanitizers
        with Double() as double, ctl(double) as c:
            double.call('subscribe')
            frame = c.header.pack(PING, c.header.size)
            acks = 0
            for _ in range(thousands):
                c.socket.sendall(frame * 1000)
                acks += 1000
                while acks:
                    acks -= c.receive()[0] == ACK
            received = 0
            last = None
            while received < thousands * 1000:
                event = double.events.get(timeout=DEADLINE)
                self.assertIn(last, (None, event['number'] - 1))
                last = event['number']
                received += event['kind'] == 'received'

    def test_a_reader_that_stalls_does_not_stop_the_double(self):
        process = subprocess.Popen([PROGRAM, '--rpc', '--output-limit', '100000'],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE)
        with process:
            double = type('Paths', (), json.loads(process.stdout.readline())['params'])
            process.stdin.write(b'{"jsonrpc":"2.0","method":"subscribe"}\n')
            process.stdin.flush()
            with ctl(double) as c:
                for _ in range(5000):
                    self.assertEqual(c.call(PING), (ACK, b''))
            self.assertIn(b'does not read', process.stderr.readline())
            process.stdin.close()
            self.assertEqual(process.wait(DEADLINE), 0)

    def test_the_model(self):
        with Double('--model') as double, ctl(double) as c, io(double) as i:
            self.assertEqual(c.receive(), (8, b''))
            self.assertEqual(c.call(STARTPOD, b'{"hostname":"h","shareDir":"s"}'), (ACK, b''))
            self.assertEqual(c.call(NEWCONTAINER, json.dumps(
                {'id': 'c', 'rootfs': 'r', 'image': 'i',
                 'process': {'id': 'init', 'stdio': 1, 'stderr': 2, 'args': ['/bin/cat'],
                             'workdir': '/'}}).encode()), (ACK, b''))
            i.send(1, b'hello')
            self.assertEqual(i.receive(), (1, b'hello'))

    def test_it_ends_with_its_parent_and_on_signals(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            with Double() as double:
                double.process.send_signal(number)
                self.assertEqual(double.process.wait(DEADLINE), 0)
                self.assertFalse(os.path.exists(double.ctl))
        # Of a parent that is killed nothing remains but the end of stdin.
        parent = subprocess.Popen(
            [sys.executable, '-c', 'import subprocess, sys; p = subprocess.Popen([sys.argv[1], '
             '"--rpc"], stdin=subprocess.PIPE); p.wait()', PROGRAM], stdout=subprocess.PIPE)
        with parent:
            paths = json.loads(parent.stdout.readline())['params']
            parent.kill()
            self.assertEqual(parent.stdout.read(), b'')  # the program has closed it, too
            self.assertFalse(os.path.exists(paths['ctl']))

    def test_bad_command_lines(self):
        for arguments in (['--nonsense'], ['--model', 'x'], ['--programs', 'local'],
                          ['--replay', 'f'], ['--forward', 'a'], ['--transport', 'tcp']):
            done = subprocess.run([PROGRAM, '--rpc', *arguments], stdin=subprocess.DEVNULL,
                                  capture_output=True, timeout=DEADLINE, check=False)
            self.assertEqual(done.returncode, 2, arguments)
            self.assertEqual(done.stdout, b'')
            self.assertIn(b'mock-hyperstart: ', done.stderr)


if __name__ == '__main__':
    unittest.main()
