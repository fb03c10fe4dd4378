/// Measures of a forecast against what happened, over plain arrays. All are computed in double precision.
public enum ForecastErrors {
  /// The mean of |a − f|.
  public static func meanAbsolute<Value: BinaryFloatingPoint>(actual: [Value], forecast: [Value]) -> Double {
    mean(actual, forecast) { Swift.abs($0 - $1) }
  }

  /// The square root of the mean of (a − f)².
  public static func rootMeanSquared<Value: BinaryFloatingPoint>(actual: [Value], forecast: [Value]) -> Double {
    mean(actual, forecast) { ($0 - $1) * ($0 - $1) }.squareRoot()
  }

  /// sMAPE: the mean of 200 · |a − f| / (|a| + |f|), in percent; 0 where both are 0 (Makridakis 1993).
  public static func symmetricPercentage<Value: BinaryFloatingPoint>(actual: [Value], forecast: [Value]) -> Double {
    mean(actual, forecast) { a, f in
      let scale = Swift.abs(a) + Swift.abs(f)
      return scale == 0 ? 0 : 200 * Swift.abs(a - f) / scale
    }
  }

  /// MASE: the mean absolute error over that of the forecast "as one season ago" within `history` (Hyndman and Koehler
  /// 2006). Below 1 is better than that forecast was. When the history repeats itself exactly, the measure is 0 for an
  /// exact forecast and infinite for any other.
  ///
  /// - Parameters:
  ///   - history: the values before the forecast, more than `season` of them.
  ///   - season: the number of steps after which the series repeats; 1 compares with the value before.
  public static func scaled<Value: BinaryFloatingPoint>(
    actual: [Value], forecast: [Value], history: [Value], season: Int = 1
  ) -> Double {
    require(
      season > 0 && history.count > season,
      "a history of \(history.count) values is too short for a season of \(season)")
    let error = meanAbsolute(actual: actual, forecast: forecast)
    let scale = meanAbsolute(actual: Array(history.dropFirst(season)), forecast: Array(history.dropLast(season)))
    return error == 0 ? 0 : error / scale
  }

  private static func mean<Value: BinaryFloatingPoint>(
    _ actual: [Value], _ forecast: [Value], _ measure: (Double, Double) -> Double
  ) -> Double {
    require(
      actual.count == forecast.count && !actual.isEmpty,
      "\(forecast.count) forecast values for \(actual.count) actual ones")
    return zip(actual, forecast).reduce(0) { $0 + measure(Double($1.0), Double($1.1)) } / Double(actual.count)
  }
}
