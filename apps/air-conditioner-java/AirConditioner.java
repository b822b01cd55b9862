// SPDX-License-Identifier: GPL-2.0-only
import java.io.IOException;
import java.util.Map;

/**
 * The application (11) that drives one air conditioner, a second time: the processings of apps/air-conditioner in another
 * language, for gateways that have the memory. A list of events that names it makes the same scripts drive it.
 */
public final class AirConditioner {
	private static final double REACHED_CELSIUS = 0.5;
	private static final long LOOK_EVERY_MS = 200;

	private final FaultlineApp app = new FaultlineApp();
	private final Unit unit;
	private boolean awaited; // the room has yet to reach the set point

	private AirConditioner(Unit unit) {
		this.unit = unit;
		app.processing("initialize", this::rest);
		app.processing("set-temperature", this::setTemperature);
		app.processing("set-wind-velocity", this::setWindVelocity);
		app.processing("start-temperature-control", this::startTemperatureControl);
		app.processing("read-temperature", params -> Map.of("celsius", unit.room(), "set", unit.setPoint()));
		app.processing("stop", this::rest);
		app.idle(LOOK_EVERY_MS, this::look);
	}

	private Object rest(Map<String, Object> params) throws IOException {
		unit.power(false);
		unit.windVelocity(0);
		awaited = false;
		return Map.of();
	}

	private Object setTemperature(Map<String, Object> params) throws Exception {
		double celsius = number(params, "celsius", 16, 30);

		unit.setPoint(celsius);
		awaited = true;
		return Map.of("celsius", celsius);
	}

	private Object setWindVelocity(Map<String, Object> params) throws Exception {
		int level = (int) number(params, "level", 0, 5);

		unit.windVelocity(level);
		return Map.of("level", level);
	}

	private Object startTemperatureControl(Map<String, Object> params) throws IOException {
		unit.power(true);
		awaited = true;
		return Map.of();
	}

	private static double number(Map<String, Object> params, String name, double minimum, double maximum)
			throws FaultlineApp.Failure {
		Object value = params.get(name);

		if (value instanceof Number && ((Number) value).doubleValue() >= minimum &&
				((Number) value).doubleValue() <= maximum)
			return ((Number) value).doubleValue();
		throw new FaultlineApp.Failure(name + " must be a number from " + minimum + " to " + maximum,
			FaultlineApp.INVALID_PARAMS);
	}

	/** A unit that does not answer is told of by the next processing, not here. */
	private void look() {
		try {
			if (!awaited || Math.abs(unit.room() - unit.setPoint()) > REACHED_CELSIUS)
				return;
			awaited = false;
			app.event("temperature-reached", "info", Map.of("celsius", unit.room()));
		} catch (IOException silent) {
			return;
		}
	}

	public static void main(String[] arguments) {
		if (arguments.length != 2 || !arguments[0].equals("--unit") || !arguments[1].contains(":")) {
			System.err.println("usage: air-conditioner.jar --unit ADDRESS:PORT, such as 127.0.0.1:15020");
			System.exit(2);
		}
		try (Unit unit = new Unit(arguments[1])) {
			System.exit(new AirConditioner(unit).app.run());
		}
	}
}
