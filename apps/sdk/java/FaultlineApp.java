// SPDX-License-Identifier: GPL-2.0-only
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.TimeUnit;

/**
 * An application's side of its channel (docs/protocol.md), in one file to copy into an application.
 *
 * <pre>
 * FaultlineApp app = new FaultlineApp();
 * app.processing("set-level", params -&gt; Map.of("level", pump.set((Long) params.get("level"))));
 * System.exit(app.run());
 * </pre>
 *
 * Arguments and results are JSON: Map, List, String, Long, Double, Boolean and null. The channel is the standard output,
 * so the constructor moves it away: what is printed goes to the log.
 */
public final class FaultlineApp {
	public static final int INVALID_PARAMS = -32602;
	public static final int METHOD_NOT_FOUND = -32601;
	public static final int FAILED = 4;
	private static final int LINE_MAX = 65536;

	/** Why a processing failed, one line: what, where, what to do next. */
	public static final class Failure extends Exception {
		private static final long serialVersionUID = 1;
		final int code;

		public Failure(String message, int code) {
			super(message);
			this.code = code;
		}

		public Failure(String message) {
			this(message, FAILED);
		}
	}

	/** A named thing that the application can do. */
	public interface Processing {
		Object run(Map<String, Object> params) throws Exception;
	}

	private final Map<String, Processing> processings = new LinkedHashMap<>();
	private final PrintStream channel = System.out;
	private Runnable idle = () -> { };
	private long idleMs = Long.MAX_VALUE;
	private Runnable activated = () -> { };

	public FaultlineApp() {
		System.setOut(System.err);
	}

	public void processing(String name, Processing processing) {
		processings.put(name, processing);
	}

	/** Has something called when no request has come for so long. */
	public void idle(long milliseconds, Runnable what) {
		idleMs = milliseconds;
		idle = what;
	}

	/** Is this a process that stands by? It initialises itself and leaves equipment alone. */
	public boolean standby() {
		return System.getenv("FAULTLINE_STANDBY") != null;
	}

	/** Has something called in a process that stood by, once the work is its own. */
	public void activated(Runnable what) {
		activated = what;
	}

	/** Reports an event; with the severity "fault" it is a fault of the kind application.NAME. */
	public void event(String name, String severity, Map<String, ?> data) {
		Map<String, Object> params = new LinkedHashMap<>(data);

		params.put("name", name);
		params.put("severity", severity);
		send("method", "event", "params", params);
	}

	/** Answers requests until the gateway ends the input; returns the exit status. */
	public int run() {
		BlockingQueue<String> lines = new ArrayBlockingQueue<>(16);
		String end = new String("end");
		Thread reader = new Thread(() -> read(lines, end));

		reader.setDaemon(true);
		reader.start();
		try {
			for (;;) {
				String line = lines.poll(idleMs, TimeUnit.MILLISECONDS);

				if (line == end)
					return 0;
				if (line == null)
					idle.run();
				else
					answer(line);
			}
		} catch (InterruptedException | IllegalArgumentException broken) {
			System.err.println("channel: " + broken.getMessage());
			return 1;
		}
	}

	private static void read(BlockingQueue<String> lines, String end) {
		try {
			BufferedReader input = new BufferedReader(
				new InputStreamReader(System.in, StandardCharsets.UTF_8));
			String line;

			try {
				while ((line = input.readLine()) != null)
					lines.put(line);
			} catch (IOException broken) {
				System.err.println("channel: " + broken.getMessage());
			}
			lines.put(end);
		} catch (InterruptedException over) {
			Thread.currentThread().interrupt();
		}
	}

	@SuppressWarnings("unchecked")
	private void answer(String line) {
		Map<String, Object> request = (Map<String, Object>) new Json(line).whole();
		Object params = request.get("params");
		Processing processing = processings.get(request.get("method"));

		if (!request.containsKey("id")) {
			if ("activate".equals(request.get("method")))
				activated.run();
			return;
		}
		try {
			if (processing == null)
				throw new Failure("no such processing", METHOD_NOT_FOUND);
			send("result", processing.run(params == null ? Map.of() : (Map<String, Object>) params),
				"id", request.get("id"));
		} catch (Failure failure) {
			send("error", Map.of("code", failure.code, "message", failure.getMessage()),
				"id", request.get("id"));
		} catch (RuntimeException bug) {
			throw bug;
		} catch (Exception failure) {
			send("error", Map.of("code", FAILED, "message", String.valueOf(failure.getMessage())),
				"id", request.get("id"));
		}
	}

	private synchronized void send(Object... members) {
		Map<String, Object> message = new LinkedHashMap<>();
		StringBuilder text = new StringBuilder();

		message.put("jsonrpc", "2.0");
		for (int i = 0; i < members.length; i += 2)
			message.put((String) members[i], members[i + 1]);
		Json.write(text, message);
		byte[] line = text.append('\n').toString().getBytes(StandardCharsets.UTF_8);
		if (line.length > LINE_MAX) {
			System.err.println("a message of " + line.length + " bytes is not sent: " + LINE_MAX + " are possible");
			return;
		}
		channel.write(line, 0, line.length);
		channel.flush();
	}

	/** JSON of RFC 8259, as far as a line of the channel needs it. */
	private static final class Json {
		private final String text;
		private int at;

		Json(String text) {
			this.text = text;
		}

		Object whole() {
			Object value = value();

			if (peek() != 0)
				throw wrong();
			return value;
		}

		private IllegalArgumentException wrong() {
			return new IllegalArgumentException("not JSON at column " + (at + 1));
		}

		private char peek() {
			while (at < text.length() && " \t\r\n".indexOf(text.charAt(at)) >= 0)
				at++;
			return at < text.length() ? text.charAt(at) : 0;
		}

		private void expect(char c) {
			if (peek() != c)
				throw wrong();
			at++;
		}

		private boolean ends(char end) {
			if (peek() == end) {
				at++;
				return true;
			}
			expect(',');
			return false;
		}

		private Object value() {
			switch (peek()) {
			case '{':
				return object();
			case '[':
				return array();
			case '"':
				return string();
			case 't':
				return word("true", true);
			case 'f':
				return word("false", false);
			case 'n':
				return word("null", null);
			default:
				return number();
			}
		}

		private Object word(String word, Object value) {
			if (!text.startsWith(word, at))
				throw wrong();
			at += word.length();
			return value;
		}

		private Map<String, Object> object() {
			Map<String, Object> map = new LinkedHashMap<>();

			at++;
			if (peek() == '}') {
				at++;
				return map;
			}
			do {
				if (peek() != '"')
					throw wrong();
				String name = string();

				expect(':');
				map.put(name, value());
			} while (!ends('}'));
			return map;
		}

		private List<Object> array() {
			List<Object> list = new ArrayList<>();

			at++;
			if (peek() == ']') {
				at++;
				return list;
			}
			do
				list.add(value());
			while (!ends(']'));
			return list;
		}

		private String string() {
			StringBuilder string = new StringBuilder();

			for (at++; at < text.length(); at++) {
				char c = text.charAt(at);

				if (c == '"') {
					at++;
					return string.toString();
				}
				string.append(c == '\\' ? escape() : c);
			}
			throw wrong();
		}

		private char escape() {
			int which = ++at < text.length() ? "\"\\/bfnrtu".indexOf(text.charAt(at)) : -1;

			if (which < 0 || (which == 8 && at + 4 >= text.length()))
				throw wrong();
			if (which < 8)
				return "\"\\/\b\f\n\r\t".charAt(which);
			at += 4;
			return (char) Integer.parseInt(text.substring(at - 3, at + 1), 16);
		}

		private Object number() {
			int from = at;

			while (at < text.length() && "+-.eE0123456789".indexOf(text.charAt(at)) >= 0)
				at++;
			String number = text.substring(from, at);

			try {
				if (number.matches("-?[0-9]+"))
					return Long.valueOf(number);
				return Double.valueOf(number);
			} catch (NumberFormatException none) {
				throw wrong();
			}
		}

		static void write(StringBuilder out, Object value) {
			if (value instanceof Map) {
				char before = '{';

				for (Map.Entry<?, ?> member : ((Map<?, ?>) value).entrySet()) {
					writeString(out.append(before), member.getKey().toString());
					write(out.append(':'), member.getValue());
					before = ',';
				}
				out.append(before == '{' ? "{}" : "}");
			} else if (value instanceof List) {
				char before = '[';

				for (Object element : (List<?>) value) {
					write(out.append(before), element);
					before = ',';
				}
				out.append(before == '[' ? "[]" : "]");
			} else if (value == null || value instanceof Number || value instanceof Boolean) {
				out.append(value);
			} else {
				writeString(out, value.toString());
			}
		}

		private static void writeString(StringBuilder out, String string) {
			out.append('"');
			for (char c : string.toCharArray())
				if (c == '"' || c == '\\')
					out.append('\\').append(c);
				else if (c < ' ')
					out.append(String.format("\\u%04x", (int) c));
				else
					out.append(c);
			out.append('"');
		}
	}
}
