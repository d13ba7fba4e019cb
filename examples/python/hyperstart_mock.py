"""A test double of hyperstart, the agent in a Hyper or Clear Containers VM, for tests in Python.

    with HyperstartMock() as agent:
        agent.on(command='startpod', reply={'error': 'no space'})
        run_the_code_under_test(agent.ctl, agent.io)
        assert agent.wait_for_message(command='ping')['payload'] == b'hello'

It runs the program mock-hyperstart, whose path is in the environment as MOCK_HYPERSTART, or which is
in PATH, and speaks JSON-RPC with it. Each method of that is a method here, with the same parameters
by name. Payloads and data are bytes. Any thread. In another language a suite needs no more than this.
"""

import base64
import concurrent.futures
import json
import os
import queue
import subprocess
import threading


class RpcError(AssertionError):
    """What the program says is wrong: a wait that has failed, for example."""

    def __init__(self, error):
        super().__init__(error['message'])
        self.code = error['code']


def decode(value):
    """The bytes of an object, which has them as text or in base64."""
    for key in ('payload', 'data', 'bytes'):
        if f'{key}_base64' in value:
            value[key] = base64.b64decode(value.pop(f'{key}_base64'))
        elif isinstance(value.get(key), str):
            value[key] = value[key].encode()
    return value


class HyperstartMock:
    """One mock-hyperstart. `arguments` are its options. `on_command`, after handle_commands, returns
    the reply to a command that no plan answers; it calls no method of the mock."""

    def __init__(self, *arguments, on_command=None, object_hook=decode, **options):
        program = os.environ.get('MOCK_HYPERSTART', 'mock-hyperstart')
        self.process = subprocess.Popen([program, '--rpc', *arguments], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, **options)
        first = self.process.stdout.readline()
        if not first:
            self.process.communicate()
            raise OSError(f'{program} did not start: stderr says why')
        self.listening = json.loads(first)
        self.ctl = self.listening['params']['ctl']
        self.io = self.listening['params']['io']
        self.events = queue.Queue()  # after subscribe
        self.errors = queue.Queue()  # about lines without an id
        self._lock = threading.Lock()
        self._requests = {}
        self._last_id = 0
        self._reader = threading.Thread(target=self._read, args=(on_command, object_hook))
        self._reader.start()

    def send(self, method, **params):
        """Sends a request. Its result is result() of what this returns."""
        future = concurrent.futures.Future()
        with self._lock:
            self._last_id += 1
            number = self._last_id
            self._requests[number] = future
        self.write(json.dumps({'jsonrpc': '2.0', 'id': number, 'method': method, 'params': params}))
        return future

    def write(self, line):
        with self._lock:
            self.process.stdin.write(line.encode() + b'\n')
            self.process.stdin.flush()

    def __getattr__(self, method):
        def call(**params):
            for key, value in list(params.items()):
                if isinstance(value, bytes):
                    params[f'{key}_base64'] = base64.b64encode(params.pop(key)).decode()
            return self.send(method, **params).result()
        return call

    def _read(self, on_command, object_hook):
        for line in self.process.stdout:
            message = json.loads(line, object_hook=object_hook)
            if message.get('method') == 'event':
                self.events.put(message['params'])
            elif message.get('method') == 'command':
                self.write(json.dumps({'jsonrpc': '2.0', 'id': message['id'],
                                       'result': on_command(message['params'])}))
            elif message['id'] is None:
                self.errors.put(message['error'])
            elif 'error' in message:
                self._requests.pop(message['id']).set_exception(RpcError(message['error']))
            else:
                self._requests.pop(message['id']).set_result(message['result'])
        for future in list(self._requests.values()):
            future.set_exception(EOFError('mock-hyperstart has ended'))

    def end(self):
        """Ends the program, and returns its exit status."""
        self.process.stdin.close()
        self._reader.join()
        self.process.stdout.close()
        return self.process.wait()

    def close(self):
        """Ends it, and raises what the client did against the protocol, and which plans are left."""
        try:
            failures = self.stop()['failures']
        finally:
            self.end()
        if failures:
            raise AssertionError('\n'.join(failures))

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            self.close()
        else:
            self.end()
