"""The same actors over years of candles, with their forecasts made beforehand."""
