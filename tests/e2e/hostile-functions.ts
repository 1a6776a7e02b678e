/** Code that runs inside sandboxes and means harm; the event's `do` chooses which. */

export const HOSTILE_PYTHON = `import os, signal, socket, struct, threading, time
def frame(kind, body=b''): return struct.pack('>IB', 1 + len(body), kind) + body
def send(data):
    while data: data = data[os.write(3, data):]
def fork():
    forked = 0
    try:
        for _ in range(1500):
            if os.fork() == 0:
                signal.alarm(30)
                while True: time.sleep(10)
            forked += 1
    except OSError: pass
    return forked
def fill_tmp():
    block = b'x' * (1 << 20)
    try:
        with open('/tmp/fill', 'wb') as f:
            for _ in range(1200): f.write(block); f.flush()
    except OSError as error: return 'ENOSPC' if error.errno == 28 else str(error)
    return 'it all fitted'
def write_all(data):
    while data: data = data[os.write(1, data):]
def flood_raw():
    block = (b'y' * 1023 + b'\\n') * 1024
    for _ in range(100): write_all(block)
    return 'flooded'
def flood_print():
    line = 'z' * 1023
    for _ in range(60 * 1024): print(line)
    return 'flooded'
def one_long_line():
    block = b'w' * (1 << 20)
    for _ in range(20): write_all(block)
    return 'flooded'
def eat():
    kept = []
    while True: kept.append(bytearray(b'x' * (8 << 20)))
def ignore_sigterm():
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP): signal.signal(number, signal.SIG_IGN)
    while True: time.sleep(60)
def daemon():
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            os.closerange(0, 100)
            signal.alarm(60)
            while True: time.sleep(1)
        os._exit(0)
    os.wait()
    return True
def answer_twice(context):
    tag = context.aws_request_id.encode()
    send(frame(0x84, struct.pack('>I', len(tag)) + tag + b'"first"'))
    return 'second'
def close_3(): os.close(3)
def shutdown_3(): socket.socket(fileno=os.dup(3)).shutdown(socket.SHUT_RDWR)
def wait_for_end(data):
    send(data)
    time.sleep(60)
def log_times():
    day = 86400e3
    times = [float('nan'), float('inf'), float('-inf'), -1e300, 1e300, -1.0, 0.0] + [k * day for k in range(-100, 50000, 500)]
    for at in times: send(frame(0x86, struct.pack('>dB', at, 0) + b'line of no day'))
    return 'logged'
def log_long():
    send(frame(0x86, struct.pack('>dB', time.time() * 1000, 0) + b'L' * (3 << 20)))
    return 'logged'
DEEDS = {
    'log-times': log_times, 'log-long': log_long,
    'who': os.getuid, 'exit': lambda: os._exit(7), 'abort': os.abort, 'fork': fork, 'fill-tmp': fill_tmp,
    'list-tmp': lambda: os.listdir('/tmp'), 'flood-raw': flood_raw, 'flood-print': flood_print,
    'one-long-line': one_long_line, 'eat': eat, 'ignore-sigterm': ignore_sigterm, 'daemon': daemon,
    'sleep': lambda: time.sleep(60), 'close-3': close_3, 'shutdown-3': shutdown_3,
    'huge': lambda: 'x' * (7 << 20), 'not-json': lambda: object(),
    'frame-oversized': lambda: wait_for_end(struct.pack('>IB', 0xffffffff, 0x84) + b'x' * 1000),
    'frame-unknown': lambda: wait_for_end(frame(0x55)), 'frame-of-server': lambda: wait_for_end(frame(0x03)),
    'frame-other-id': lambda: wait_for_end(frame(0x84, struct.pack('>I', 2) + b'no' + b'1')),
    'frame-short': lambda: wait_for_end(frame(0x84, b'\\0\\0\\xff\\xffx')),
}
def handler(event, context):
    deed = event['do']
    return answer_twice(context) if deed == 'answer-twice' else DEEDS[deed]()
`;

export const HOSTILE_NODE = `const deeds = {
  who: () => process.getuid(),
  exit: () => process.exit(7),
  abort: () => process.abort(),
  eat: () => { const kept = []; for (;;) kept.push(Buffer.alloc(8 << 20, 1)); },
  "not-json": () => { const ring = {}; ring.ring = ring; return ring; },
};
exports.handler = async (event) => deeds[event.do]();
`;

/** A runtime of its own, over the HTTP Runtime API, that remembers what it was told. */
export const HOSTILE_BOOTSTRAP = `#!/usr/bin/env python3
import http.client, json, os, signal, socket, time
INIT_FAILS = False
API = os.environ['AWS_LAMBDA_RUNTIME_API']
BASE = '/2018-06-01/runtime/'
told = []
former = 'none'
def call(method, path, body=None, headers={}):
    connection = http.client.HTTPConnection(API, timeout=70)
    connection.request(method, path, body, headers)
    response = connection.getresponse()
    text = response.read()
    connection.close()
    return response, text
def post(path, body, headers={}, method='POST'):
    response, text = call(method, BASE + path, body, headers)
    try: kind = ' ' + json.loads(text)['errorType']
    except Exception: kind = ''
    told.append(str(response.status) + kind)
def connect():
    host, port = API.split(':')
    return socket.create_connection((host, int(port)), timeout=10)
def raw(data):
    with connect() as s:
        try:
            s.sendall(data)
            told.append((s.recv(4096).split(b' ') + ['', b'closed'])[1].decode())
        except ConnectionError: told.append('closed')
if INIT_FAILS:
    post('init/error', '{"errorType":"Own.Type","errorMessage":"own words"}', {'Lambda-Runtime-Function-Error-Type': 'Own.Type'})
    os._exit(1)
while True:
    response, body = call('GET', BASE + 'invocation/next')
    ident = response.headers['Lambda-Runtime-Aws-Request-Id']
    deed = json.loads(body)['do']
    mine = 'invocation/' + ident + '/response'
    if deed == 'tell':
        answer, told = json.dumps(told), []
        call('POST', BASE + mine, answer)
        former = ident
        continue
    told = []
    if deed == 'who': post(mine, str(os.getuid()))
    elif deed == 'echo': post(mine, body)
    elif deed == 'twice':
        post(mine, '"first"')
        post(mine, '"second"')
    elif deed == 'other-id':
        post('invocation/11111111-2222-3333-4444-555555555555/response', '"stolen"')
        post(mine, '"own"')
    elif deed == 'former-id':
        post('invocation/' + former + '/response', '"stolen"')
        post(mine, '"own"')
    elif deed == 'next-unanswered':
        post('invocation/next', None, method='GET')
        post(mine, '"own"')
    elif deed == 'late-init-error':
        post('init/error', '{"errorType":"a","errorMessage":"b"}')
        post(mine, '"own"')
    elif deed == 'huge': post(mine, b'"' + b'x' * (7 << 20) + b'"')
    elif deed == 'nonsense':
        post('no/such/path', 'x')
        post(mine, None, method='GET')
        raw(b'NONSENSE\\r\\n\\r\\n')
        raw(b'GET / HTTP/1.1\\r\\nHost: x\\r\\nX-Big: ' + b'x' * 100000 + b'\\r\\n\\r\\n')
        post(mine, '"own"')
    elif deed == 'never': time.sleep(60)
    elif deed == 'late':
        time.sleep(3.2)
        post(mine, '"late"')
    elif deed == 'half-an-answer':
        s = connect()
        s.sendall(('POST ' + BASE + mine + ' HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: 1000\\r\\n\\r\\n{').encode())
        time.sleep(60)
    elif deed == 'many-answers':
        head = ('POST ' + BASE + mine + ' HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: 6000000\\r\\n\\r\\n').encode()
        held, refused = [], 0
        for _ in range(300):
            try:
                s = connect()
                s.sendall(head + b'x' * 5900000)
                held.append(s)
            except OSError: refused += 1
        for s in held: s.close()
        post(mine, json.dumps([len(held), refused]))
    elif deed == 'ignore-sigterm':
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP): signal.signal(number, signal.SIG_IGN)
        while True: time.sleep(60)
    former = ident
`;
