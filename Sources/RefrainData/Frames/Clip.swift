import Refrain
import RefrainFoundation

/// A clip: frames of one size, one after another, each of gray or of red, green and blue.
///
///     let clip = try Clip(contentsOf: "walk.gif", as: FrameFormat(rows: 64, columns: 64, isGray: true))
///     let frames = clip.tensor  // [T, 64, 64, 1], from 0 to 1
///
/// GIF, PNG, PGM and PPM, NumPy's arrays and IDX files are read in Swift, as are folders of such images; all others
/// (mp4, avi, jpeg, …) by the program `ffmpeg` where it is installed.
public struct Clip: Sendable, Equatable {
  /// The rows of a frame.
  public let rows: Int
  /// The columns of a frame.
  public let columns: Int
  /// 1 for gray, 3 for red, green and blue.
  public let channels: Int
  /// `[T, rows, columns, channels]`, from black, 0, to 255.
  public let values: [UInt8]
  /// Frames a second; nil where it is not known.
  public var rate: Double?
  /// What was assumed or left out in reading it, a line each.
  public var notes: [String]

  /// A clip of whole frames, of at least one row and column.
  public init(
    values: [UInt8], rows: Int, columns: Int, channels: Int, rate: Double? = nil, notes: [String] = []
  ) {
    precondition(
      rows > 0 && columns > 0 && (channels == 1 || channels == 3), "frames have rows, columns and 1 or 3 channels")
    precondition(values.count % (rows * columns * channels) == 0, "a clip has whole frames")
    (self.values, self.rows, self.columns, self.channels) = (values, rows, columns, channels)
    (self.rate, self.notes) = (rate, notes)
  }

  /// A clip from values of 0 to 1, `[T, rows, columns, channels]`; others are held within these bounds.
  public init(_ frames: Tensor, rate: Double? = nil) {
    precondition(frames.rank == 4, "frames of shape \(frames.shape), expected [T, rows, columns, channels]")
    let values = frames.withUnsafeValues { values in
      values.map { $0.isNaN ? 0 : UInt8((max(0, min(1, $0)) * 255).rounded()) }
    }
    self.init(
      values: values, rows: frames.shape[1], columns: frames.shape[2], channels: frames.shape[3], rate: rate)
  }

  /// The values of a frame.
  public var frameSize: Int { rows * columns * channels }
  /// The number of frames **T**.
  public var count: Int { values.count / frameSize }
  /// The values of one frame, `[rows, columns, channels]`.
  public func frame(_ number: Int) -> ArraySlice<UInt8> { values[number * frameSize..<(number + 1) * frameSize] }

  /// The frames from 0 to 1, `[T, rows, columns, channels]`.
  public var tensor: Tensor {
    let shares = (0...255).map { Float($0) / 255 }
    return Tensor(values.map { shares[Int($0)] }, shape: [count, rows, columns, channels])
  }

  /// Some of the frames.
  public subscript(frames: Range<Int>) -> Clip {
    Clip(
      values: Array(values[frames.lowerBound * frameSize..<frames.upperBound * frameSize]), rows: rows,
      columns: columns, channels: channels, rate: rate)
  }

  /// What a message says of a frame, such as `64 × 48, gray`.
  public var frameText: String { "\(columns) × \(rows), \(channels == 1 ? "gray" : "colored")" }
}

/// The form that frames are brought into; nil leaves them as they are.
public struct FrameFormat: Codable, Sendable, Equatable {
  /// The rows of a frame.
  public var rows: Int?
  /// The columns of a frame.
  public var columns: Int?
  /// Whether frames are gray; false makes them of red, green and blue.
  public var isGray: Bool?
  /// Frames a second, of sources that say how many they have.
  public var rate: Double?

  /// The largest side of a frame.
  public static let mostPlaces = 16_384

  /// Everything left as it is.
  public init() {}

  /// A form.
  public init(rows: Int? = nil, columns: Int? = nil, isGray: Bool? = nil, rate: Double? = nil) {
    (self.rows, self.columns, self.isGray, self.rate) = (rows, columns, isGray, rate)
  }

  /// A size as people write it, columns before rows: `64x48`; nil of another text.
  public static func size(_ text: String) -> (columns: Int, rows: Int)? {
    let parts = text.lowercased().split(separator: "x", omittingEmptySubsequences: false).map { Int($0) }
    guard let columns = parts.first ?? nil, let rows = parts.last ?? nil, parts.count <= 2,
      (1...mostPlaces).contains(columns), (1...mostPlaces).contains(rows)
    else { return nil }
    return (columns, rows)
  }

  /// What is wrong with numbers that somebody may have forged; nil where frames can be brought into this form.
  public var fault: String? {
    guard [rows, columns].allSatisfy({ $0.map { (1...Self.mostPlaces).contains($0) } ?? true }) else {
      return "a size of frames is out of bounds"
    }
    guard rate.map({ $0.isFinite && $0 > 0 }) ?? true else { return "a rate of frames cannot be" }
    return nil
  }
}
