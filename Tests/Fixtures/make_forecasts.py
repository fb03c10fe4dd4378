"""Numbers of exponential smoothing by statsmodels and statsforecast and of the Theta method by statsforecast, for given
coefficients. With a multiplicative season the two differ: statsmodels divides the error that moves the season by the new
level, statsforecast and Hyndman et al. (2008, table 2.1) by the expected one; the latter are taken.

    pip install statsmodels statsforecast
    python make_forecasts.py

writes forecasts.json.
"""
import json

import numpy as np
from statsforecast.ets import pegelsfcast_C, pegelsresid_C
from statsforecast.theta import forecast_theta, thetamodel
from statsmodels.tsa.exponential_smoothing.ets import ETSModel

# The first five years of the airline passengers (Box and Jenkins 1970).
values = np.array([
    112, 118, 132, 129, 121, 135, 148, 148, 136, 119, 104, 118,
    115, 126, 141, 135, 125, 149, 170, 170, 158, 133, 114, 140,
    145, 150, 178, 163, 172, 178, 199, 199, 184, 162, 146, 166,
    171, 180, 193, 181, 183, 218, 230, 242, 209, 191, 172, 194,
    196, 196, 236, 235, 229, 243, 264, 272, 237, 211, 180, 201,
], dtype=float)
horizon = 15
period = 12
season = {"add": values[:period] - values[:period].mean(), "mul": values[:period] / values[:period].mean()}

smoothing = []
for trend, damped, seasonal in [
    (None, False, None), ("add", False, None), ("add", True, None), (None, False, "add"), ("add", False, "add"),
    ("add", True, "add"), ("add", True, "mul"), (None, False, "mul"),
]:
    options = dict(error="add", trend=trend, damped_trend=damped, seasonal=seasonal, initialization_method="known",
                   initial_level=120.0)
    parameters = [0.35]
    if trend:
        options["initial_trend"] = 1.5
        parameters.append(0.04)
    if seasonal:
        options["seasonal_periods"] = period
        options["initial_seasonal"] = season[seasonal]
        parameters.append(0.2)
    if damped:
        parameters.append(0.93)
    result = ETSModel(values, **options).smooth(parameters)
    fitted, forecast = result.fittedvalues, result.forecast(horizon)
    if seasonal == "mul":
        state = np.array([120.0] + ([1.5] if trend else []) + list(season["mul"][::-1]))
        beta, phi = (0.04, 0.93) if trend else (0.0, 1.0)
        letters = ("A", "A" if trend else "N", "M")
        _, errors, states, _ = pegelsresid_C(values, period, state, *letters, damped, 0.35, beta, 0.2, phi, 3)
        model = {"states": states, "components": [*letters, "N"], "m": period}
        fitted, forecast = values - errors, pegelsfcast_C(horizon, model)
        if damped:
            # Its damped forecasts have the power of the damping one too low from the second step on; this is the formula.
            level, slope, last = states[-1][0], states[-1][1], states[-1][2:][::-1]
            forecast = [(level + slope * sum(phi ** k for k in range(1, step + 2))) * last[step % period]
                        for step in range(horizon)]
    smoothing.append({
        "trend": {(None, False): "none", ("add", False): "additive", ("add", True): "damped"}[trend, damped],
        "season": {None: "none", "add": "additive", "mul": "multiplicative"}[seasonal],
        "fitted": list(map(float, fitted)), "forecast": list(map(float, forecast)),
    })

theta = []
for alpha, stretch, level in [(0.4, 2.0, 50.0), (0.9, 2.0, 10.0), (0.3, 1.5, 70.0)]:
    kind = "STM" if stretch == 2.0 else "OTM"
    model = thetamodel(values, 1, kind, level, alpha, stretch, 3)
    theta.append({
        "alpha": alpha, "theta": stretch, "level": level,
        "fitted": list(map(float, values - model["residuals"])),
        "forecast": list(map(float, forecast_theta(model, horizon)["mean"])),
    })

json.dump({
    "values": list(values), "period": period, "level": 120.0, "slope": 1.5,
    "additive": list(season["add"]), "multiplicative": list(season["mul"]),
    "smoothing": smoothing, "theta": theta,
}, open("forecasts.json", "w"), indent=0)
