import Refrain
import RefrainData
import RefrainFoundation

/// Forecasts a series: learns from its past with a recurrent network, tests itself on held-out time, and says what
/// comes next with an interval.
///
///     let forecaster = try Forecaster.train(on: .airline)
///     for point in try forecaster.forecast().points { print(point.time, point.median) }
public struct Forecaster: Sendable {
  /// What the user may decide; nil is chosen from the data.
  public struct Configuration: Codable, Sendable {
    /// The column to forecast; by default the last column of numbers.
    public var target: String?
    /// The column of times; by default the first that holds times.
    public var time: String? {
      get { reading.time }
      set { reading.time = newValue }
    }
    /// How series are read from a table.
    public var reading = SeriesReadingOptions()
    /// Columns observed beside the target; none by default.
    public var covariates: [String] = []
    /// Columns beside the target that are known ahead, such as holidays: in rows after its last value; none by default.
    public var future: [String] = []
    /// How many steps to forecast; one season by default.
    public var horizon: Int?
    /// How many steps the network looks back; at least two seasons by default, more when there are many rows.
    public var context: Int?
    /// After how many steps the series repeats; by default what the calendar suggests.
    public var season: Int?
    /// How many horizons at the end are held out for the backtest; by default about a tenth of the series, at most 10.
    public var folds: Int?
    /// The shares of truths that intervals are to hold, in percent, besides 80.
    public var levels: [Double] = []
    /// Whether the network that comes with the library forecasts alone, and nothing is trained.
    public var isZeroShot: Bool {
      get { zeroShot ?? false }
      set { zeroShot = newValue }
    }
    /// Nil, in what older versions saved, is false.
    private var zeroShot: Bool?
    /// The cell's name, one of ``Cells/all``.
    public var cell = LSTMCell.name
    /// The size of the hidden state; by default from the number of rows.
    public var hiddenSize: Int?
    /// The number of recurrent layers.
    public var layers = 1
    /// Passes through the training part; by default from the number of rows.
    public var epochs: Int?
    /// What all random choices follow from.
    public var seed: UInt64 = 0

    /// Everything left to the data.
    public init() {}
  }

  let plan: ForecastPlan
  package let forecastNetwork: ForecastNetwork
  /// What is known of each series; at least one.
  let members: [ForecastMember]
  /// The coefficients of the linear method, where it is one of them.
  let linear: LinearForecast?

  /// False when training was stopped before its end.
  public let isComplete: Bool
  /// What the training cost.
  public let training: TrainingReport

  /// The errors on held-out time, of several series their mean; nil when training was stopped before they were known.
  public var backtest: Backtest? {
    members.count == 1 ? members[0].backtest : Backtest(meanOf: members.compactMap(\.backtest))
  }
  /// The names of the series that were trained on, where there are several.
  public var seriesIDs: [String] { members.count == 1 ? [] : members.map { $0.id ?? "" } }

  var scaler: Scaler { members[0].scaler }
  var covariateScalers: [Scaler] { members[0].covariateScalers }
  var memory: SeriesMemory { members[0].memory }
  var combination: Combination? { members[0].combination }

  /// The name of the target.
  public var seriesName: String { memory.name }
  /// The name of the file that the series came from, without its folder, if it came from one.
  public var fileName: String? { memory.fileName }
  /// How many rows the series has.
  public var rowCount: Int { memory.rowCount }
  /// The first of its times, as the file writes it.
  public var firstTime: String { memory.firstTime }
  /// How far apart the times lie, such as `monthly`.
  public var frequency: String { memory.frequency }
  /// The steps after which the series repeats; 1 for none.
  public var season: Int { plan.season }
  /// How many steps are forecast.
  public var horizon: Int { plan.horizon }
  /// How many steps the network looks back.
  public var context: Int { plan.context }
  /// Whether nothing was learned, because there was too little to learn from: the forecast repeats the last value or
  /// season.
  public var isNaive: Bool { plan.isNaive == true }
  /// Whether a network was trained; without one the simple methods forecast alone.
  public var hasNetwork: Bool { plan.hasNetwork ?? !isNaive }
  /// The ways to forecast that were chosen on rolling origins, with their weights, the heaviest first; of several
  /// series their mean weights. Empty for a naive forecast.
  public var methods: [(name: String, weight: Double)] {
    var weights: [String: Double] = [:]
    for member in members {
      for way in member.combination?.members ?? [] {
        weights[way.name, default: 0] += way.weight / Double(members.count)
      }
    }
    return weights.sorted { ($0.value, $1.key) > ($1.value, $0.key) }
      .map { (ForecastWays.title($0.key, cell: plan.cell), $0.value) }
  }
  /// What was assumed in choosing sizes, a line each.
  public var notes: [String] { plan.notes ?? [] }
  /// The name of the recurrent cell.
  public var cell: String { plan.cell }
  /// The size of the hidden state.
  public var hiddenSize: Int { plan.hiddenSize }
  /// The number of recurrent layers.
  public var layers: Int { plan.layers }
  /// The names of the series observed beside the target.
  public var covariates: [String] { memory.covariateNames }

  /// Whether a series is the one that the forecaster was trained on, so that ``backtest`` speaks of it.
  public func wasTrained(on series: Series) -> Bool {
    let memory = SeriesMemory(series, plan: plan)
    return memory.rowCount == self.memory.rowCount && memory.values == self.memory.values
      && memory.times == self.memory.times && memory.covariates == self.memory.covariates
  }
}
