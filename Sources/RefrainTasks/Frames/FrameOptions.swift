import Refrain
import RefrainData

/// The options of the form of frames, for every task that takes clips.
extension FrameFormat: OptionTable {
  /// The options as they are typed.
  public static let options: [TaskOption<Self>] = [
    TaskOption(
      "size", .value, valueName: "64x64",
      help: "The columns and rows that frames are brought to. (default: as they are)"
    ) { format, texts throws(OptionError) in
      guard let (columns, rows) = size(texts[0]) else {
        throw OptionError(option: "size", "takes columns and rows such as 64x48, not \(texts[0].quoted)")
      }
      (format.columns, format.rows) = (columns, rows)
    },
    TaskOption(
      "rate", .value, valueName: "n",
      help: "Frames a second, of clips that say how many they have. (default: as they are)"
    ) { format, texts throws(OptionError) in
      guard let rate = Double(texts[0]), rate > 0, rate <= 1000 else {
        throw OptionError(option: "rate", "takes a number of frames a second up to 1000, not \(texts[0].quoted)")
      }
      format.rate = rate
    },
    TaskOption("gray", .flag, help: "Frames are made gray. (default: as they are)") { format, _ in
      format.isGray = true
    },
  ]
}
