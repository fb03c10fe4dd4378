import RefrainData

extension Forecast {
  /// How the fields of a forecast are named.
  public enum Shape: String, Sendable, Codable, CaseIterable {
    /// `id`, `time`, `median`, `p10`, `p90`, `lower95`, `upper95`.
    case refrain
    /// `unique_id`, `ds`, `Refrain`, `Refrain-lo-80`, `Refrain-hi-80`: as statsforecast, neuralforecast and their
    /// relatives read and write them.
    case nixtla
  }
}

extension Forecast.Point: Encodable {
  /// The numbers under their names, without time and series.
  package func numbers(_ shape: Forecast.Shape) -> [(name: String, value: Double)] {
    switch shape {
    case .refrain: [("median", median), ("p10", p10), ("p90", p90)] + bounds(of: intervals)
    case .nixtla:
      [("Refrain", median), ("Refrain-lo-80", p10), ("Refrain-hi-80", p90)]
        + intervals.filter { $0.level != 80 }.flatMap { interval in
          let level = interval.level == interval.level.rounded() ? "\(Int(interval.level))" : "\(interval.level)"
          return [("Refrain-lo-" + level, interval.lower), ("Refrain-hi-" + level, interval.upper)]
        }
    }
  }

  /// `{"time","median","p10","p90"}`, and `lower95` and `upper95` for an interval of 95 %; or as the shape names them;
  /// and `samples`, an array, where there are such.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    switch shape {
    case .refrain: try container.encodeIfPresent(id, forKey: Key("id"))
    case .nixtla: try container.encode(id ?? "series", forKey: Key("unique_id"))
    }
    try container.encode(time, forKey: Key(shape == .nixtla ? "ds" : "time"))
    for (name, value) in numbers(shape) { try container.encode(value, forKey: Key(name)) }
    if !samples.isEmpty { try container.encode(samples, forKey: Key("samples")) }
  }

  private struct Key: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }
    init(_ text: String) { stringValue = text }
    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }
}
