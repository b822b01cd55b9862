// SPDX-License-Identifier: GPL-2.0-only
import java.io.DataInputStream;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.ByteBuffer;

/**
 * One unit over Modbus/TCP (Modbus Application Protocol V1.1b3): the registers of apps/air-conditioner/registers.h.
 * What is written twice changes nothing the second time.
 */
final class Unit implements AutoCloseable {
	private static final int TIMEOUT_MS = 2000;
	private static final int READ_HOLDING = 3;
	private static final int READ_INPUT = 4;
	private static final int WRITE_COIL = 5;
	private static final int WRITE_REGISTER = 6;

	private final InetSocketAddress address;
	private Socket socket;

	Unit(String hostAndPort) {
		int colon = hostAndPort.lastIndexOf(':');

		address = new InetSocketAddress(hostAndPort.substring(0, colon),
			Integer.parseInt(hostAndPort.substring(colon + 1)));
	}

	/** One request; a connection that failed is given up, and the next request makes another. */
	private int request(int function, int register, int value) throws IOException {
		try {
			if (socket == null) {
				socket = new Socket();
				socket.setTcpNoDelay(true);
				socket.setSoTimeout(TIMEOUT_MS);
				socket.connect(address, TIMEOUT_MS);
			}
			return exchange(function, register, value);
		} catch (IOException failure) {
			close();
			throw new IOException("air conditioner at " + address.getHostString() + ":" + address.getPort() + ": " +
				failure.getMessage() + "; is it switched on and connected?");
		}
	}

	private int exchange(int function, int register, int value) throws IOException {
		ByteBuffer query = ByteBuffer.allocate(12);
		DataInputStream input = new DataInputStream(socket.getInputStream());

		query.putShort((short) 1).putShort((short) 0).putShort((short) 6).put((byte) 1);
		query.put((byte) function).putShort((short) register).putShort((short) value);
		socket.getOutputStream().write(query.array());
		input.skipNBytes(4);
		byte[] answer = new byte[input.readUnsignedShort() & 0xff];
		input.readFully(answer);
		if (answer.length < 3 || answer[1] != function)
			throw new IOException("exception " + (answer.length > 2 ? answer[2] : 0));
		return function <= READ_INPUT ? (answer[3] & 0xff) << 8 | answer[4] & 0xff : 0;
	}

	void power(boolean on) throws IOException {
		request(WRITE_COIL, 0, on ? 0xff00 : 0);
	}

	void setPoint(double celsius) throws IOException {
		request(WRITE_REGISTER, 0, (int) Math.round(celsius * 10));
	}

	double setPoint() throws IOException {
		return request(READ_HOLDING, 0, 1) / 10.0;
	}

	/** Level by level, which spares the motor. */
	void windVelocity(int level) throws IOException {
		int now = request(READ_HOLDING, 1, 1);

		while (now != level) {
			now += now < level ? 1 : -1;
			request(WRITE_REGISTER, 1, now);
		}
	}

	double room() throws IOException {
		return request(READ_INPUT, 0, 1) / 10.0;
	}

	@Override
	public void close() {
		try {
			if (socket != null)
				socket.close();
		} catch (IOException gone) {
			// Nothing is left to close.
		}
		socket = null;
	}
}
