/// How well a task does on examples, beside what costs nothing.
public struct TaskEvaluation: Sendable, Equatable {
  /// One number that says how good answers are.
  public struct Measure: Codable, Sendable, Equatable {
    /// Its name for programs, such as `wordErrorRate`.
    public var name: String
    /// Its value; NaN where it has none.
    public var value: Double

    /// A measure under its name.
    public init(_ name: String, _ value: Double) {
      self.name = name
      self.value = value
    }
  }

  /// A way to answer that costs nothing.
  public struct Baseline: Codable, Sendable, Equatable {
    /// Its name for programs, such as `majority`.
    public var name: String
    /// As many of the measures as it has.
    public var measures: [Measure]

    /// A baseline under its name.
    public init(_ name: String, _ measures: [Measure]) {
      self.name = name
      self.measures = measures
    }
  }

  /// Numbers in rows and columns, such as what was taken for what.
  public struct Table: Codable, Sendable, Equatable {
    /// A row under its name.
    public struct Row: Codable, Sendable, Equatable {
      /// Its name.
      public var name: String
      /// A value for each column.
      public var values: [Double]
    }

    /// Its name for programs, such as `confusion`.
    public var name: String
    /// The names of the columns.
    public var columns: [String]
    /// The rows.
    public var rows: [Row]

    /// A table under its name.
    public init(_ name: String, columns: [String], rows: [(name: String, values: [Double])]) {
      self.name = name
      self.columns = columns
      self.rows = rows.map { Row(name: $0.name, values: $0.values) }
    }
  }

  /// The name of the task.
  public var task: String
  /// How many answers were compared with the truth.
  public var examples: Int
  /// The field's measures, the most telling first.
  public var measures: [Measure]
  /// The baselines.
  public var baselines: [Baseline]
  /// What there is to say in more than one number; none for most tasks.
  public var tables: [Table]

  /// The measures of a task with those of its baselines.
  public init(
    task: String, examples: Int, measures: [Measure], baselines: [Baseline], tables: [Table] = []
  ) {
    self.task = task
    self.tables = tables
    self.examples = examples
    self.measures = measures
    self.baselines = baselines
  }
}

extension TaskEvaluation: Encodable {
  /// Measures and baselines are objects by name: `{"task","examples","measures":{…},"baselines":{"naive":{…}}}`;
  /// tables, where there are any, objects of rows: `"tables":{"confusion":{"ham":{"ham":90,"spam":1},…}}`.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Name.self)
    try container.encode(task, forKey: "task")
    try container.encode(examples, forKey: "examples")
    try Self.encode(measures, in: &container, under: "measures")
    var all = container.nestedContainer(keyedBy: Name.self, forKey: "baselines")
    for baseline in baselines { try Self.encode(baseline.measures, in: &all, under: Name(stringValue: baseline.name)) }
    guard !tables.isEmpty else { return }
    var shown = container.nestedContainer(keyedBy: Name.self, forKey: "tables")
    for table in tables {
      var rows = shown.nestedContainer(keyedBy: Name.self, forKey: Name(stringValue: table.name))
      for row in table.rows {
        let values = zip(table.columns, row.values).map { Measure($0, $1) }
        try Self.encode(values, in: &rows, under: Name(stringValue: row.name))
      }
    }
  }

  private static func encode(
    _ measures: [Measure], in container: inout KeyedEncodingContainer<Name>, under name: Name
  ) throws {
    var nested = container.nestedContainer(keyedBy: Name.self, forKey: name)
    for measure in measures {
      let name = Name(stringValue: measure.name)
      // JSON has no word for what is not finite.
      if measure.value.isFinite {
        try nested.encode(measure.value, forKey: name)
      } else {
        try nested.encodeNil(forKey: name)
      }
    }
  }

  private struct Name: CodingKey, ExpressibleByStringLiteral {
    let stringValue: String
    var intValue: Int? { nil }
    init(stringValue: String) { self.stringValue = stringValue }
    init(stringLiteral value: String) { stringValue = value }
    init?(intValue: Int) { nil }
  }
}
