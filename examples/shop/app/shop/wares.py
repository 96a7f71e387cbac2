"""The kinds of wares, what they are made of, and who makes them. Only words and numbers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Material:
    """What a thing is made of: how it is called and praised, how it compares in cost and in endurance."""

    word: str
    praise: str
    cost: float = 1.0
    endurance: float = 1.0


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of thing. `price` in cents for the smallest size; each larger one costs `growth` more."""

    name: str
    drawing: str
    category: str
    price: int
    years: int
    materials: tuple[str, ...]
    sizes: tuple[str, ...]
    pitch: str
    story: str
    growth: float = 0.16
    called: str = "{material} {name}"


MATERIALS = {
    "iron": Material("cast-iron", "Poured in sand, ground by hand, seasoned three times.", 1.0, 1.6),
    "copper": Material("copper", "Two millimetres of copper, tinned inside, and it may be tinned again.", 1.9, 1.3),
    "brass": Material("brass", "Solid brass: it dulls with honour and polishes up for Sundays.", 1.4, 1.3),
    "steel": Material("steel", "Drop-forged steel, tempered in oil, with every weld inspected twice.", 1.1, 1.2),
    "green": Material("green enamel", "Vitreous enamel fired at 820 °C, in bottle green.", 1.05, 1.0),
    "blue": Material("blue enamel", "Vitreous enamel fired at 820 °C, in harbour blue.", 1.05, 1.0),
    "red": Material("red enamel", "Vitreous enamel fired at 820 °C, in post-box red.", 1.05, 1.0),
    "cream": Material("cream enamel", "Vitreous enamel fired at 820 °C, in dairy cream.", 1.05, 1.0),
    "oak": Material("oak", "Oak from hedgerows, dried for seven years, oiled and never varnished.", 1.15, 1.2),
    "walnut": Material("walnut", "Walnut, quarter-sawn and waxed until it glows.", 1.5, 1.1),
    "ash": Material("ash", "Straight-grained ash, which bends before it breaks.", 1.0, 1.0),
    "cherry": Material("cherry", "Cherry wood that darkens with each summer it sees.", 1.3, 1.05),
    "stone": Material("stoneware", "Stoneware from salt kilns, dense enough to ring when it is tapped.", 1.0, 1.0),
    "celadon": Material("celadon", "Celadon glaze in three coats, which no two kilns make alike.", 1.3, 1.0),
    "cobalt": Material("cobalt", "Cobalt glaze, mixed to a recipe that only two people know.", 1.3, 1.0),
    "terracotta": Material("terracotta", "Red clay from the pit behind the works, fired for two days.", 0.8, 0.9),
    "tan": Material("saddle-leather", "Saddle leather, oak-bark tanned for fourteen months.", 1.2, 1.1),
    "oxblood": Material("oxblood leather", "Full-grain leather in oxblood, stitched eight to the inch.", 1.3, 1.1),
    "black": Material("black leather", "Black bridle leather, waxed on both faces.", 1.2, 1.1),
    "moss": Material("moss-green", "Dyed in the yarn, in the green of old walls.", 1.0, 1.0),
    "navy": Material("navy", "Dyed in the yarn, in the blue of deep water.", 1.0, 1.0),
    "rust": Material("rust-red", "Dyed in the yarn, in the red of a good gate's hinges.", 1.0, 1.0),
    "mustard": Material("mustard", "Dyed in the yarn, in the yellow of a grandmother's kitchen.", 1.0, 1.0),
    "forest": Material("forest-green", "Seven coats of lacquer in forest green, rubbed down between each.", 1.0, 1.0),
    "midnight": Material("midnight-blue", "Seven coats of lacquer, midnight blue, rubbed down between each.", 1.0, 1.0),
    "crimson": Material("crimson", "Seven coats of lacquer in crimson, rubbed down between each.", 1.0, 1.0),
    "jet": Material("jet-black", "Seven coats of lacquer in jet black, rubbed down between each.", 1.0, 1.0),
    "ivory": Material("ivory", "Seven coats of lacquer in old ivory, rubbed down between each.", 1.0, 1.0),
}

MAKERS = (
    ("Harrow & Vane", "Hathersage"), ("Old Bellwether", "Whitby"), ("Tamsin Crake", "Penzance"),
    ("Brunnhalde", "Solingen"), ("Oakhanger", "Selborne"), ("Fjellmark", "Røros"), ("Marchetti", "Maniago"),
    ("Dunmore & Daughters", "Galway"), ("Kesselring", "Graz"), ("Aldous Pike", "Sheffield"),
    ("Lindqvist", "Mora"), ("Vaucanson", "Thiers"), ("Greywether", "Avebury"), ("Stannard", "Redruth"),
    ("Hollis Ferry", "Orkney"), ("Zoltán Bíró", "Pécs"), ("Birkwood", "Keswick"), ("Thornbury", "Ludlow"),
    ("Ysolde Marrow", "Bruges"), ("Castellane", "Dijon"), ("Pemberlow", "Bakewell"), ("Sommerfeld", "Görlitz"),
    ("Quill & Anchor", "Lyme"), ("Rhosyn", "Dolgellau"),
)  # fmt: skip

PARTING_WORDS = (
    "Should it fail within {years} years, write to us; somebody will be here.",
    "Your grandchildren will quarrel over it.",
    "It asks for a drop of oil each spring and nothing else.",
    "{maker} will mend it for as long as there is a {maker}.",
    "There is room on the underside for four generations of initials.",
    "It comes with a repair manual and a spare of everything that can be lost.",
    "We have tried to break one since 1874.",
    "Do name it in your will; we have seen families fall out.",
    "No battery, no subscription, no update.",
    "It has no moving parts, or only those that should move.",
)

_ENAMEL = ("green", "blue", "red", "cream")
_WOOD = ("oak", "walnut", "ash", "cherry")
_GLAZE = ("stone", "celadon", "cobalt", "terracotta")
_HIDE = ("tan", "oxblood", "black")
_LACQUER = ("forest", "midnight", "crimson", "jet")
_DYED = ("moss", "navy", "rust", "mustard")
_WIDTHS = ("20 cm", "24 cm", "26 cm", "28 cm", "32 cm")
_LITRES = ("1 litre", "1.5 litres", "2 litres", "3 litres")
_EDITION = ("plain", "engraved", "anniversary edition", "with a case")

_HANDLED = "{material}-handled {name}"

KINDS = (
    Kind("skillet", "skillet", "Kitchen", 6400, 110, ("iron", "copper", "steel"), _WIDTHS,
         "Fries an egg tonight and another in 2140.",
         "One piece from rim to handle, so there is nothing to come loose.", 0.12),
    Kind("kettle", "kettle", "Kitchen", 7200, 60, (*_ENAMEL, "copper"), _LITRES,
         "Whistles in B flat, and in tune.",
         "A wide base for small flames, a spout that does not dribble, a whistle that wakes the house."),
    Kind("casserole", "casserole", "Kitchen", 14500, 90, (*_ENAMEL, "iron"),
         ("3 litres", "4 litres", "6 litres", "8 litres"),
         "Sunday's stew, every Sunday, for a century.",
         "The lid weighs as much as a cat and rains its own steam back on the roast."),
    Kind("cook's knife", "knife", "Kitchen", 11800, 80, _WOOD, ("16 cm", "18 cm", "21 cm", "24 cm"),
         "Keeps its edge longer than most people keep a job.",
         "High-carbon steel, ground thin behind the edge, with a full tang between two scales.", called=_HANDLED),
    Kind("pepper mill", "mill", "Kitchen", 5200, 70, (*_WOOD, "brass"), ("14 cm", "18 cm", "24 cm", "32 cm"),
         "Grinds coarse, fine and on.",
         "The grinding works are of hardened steel and come out with one screw, for cleaning or admiring."),
    Kind("mug", "mug", "Table", 1800, 40, (*_GLAZE, *_ENAMEL), ("espresso", "quarter litre", "third of a litre"),
         "Survives dishwashers, toddlers and moving house.",
         "A handle for three fingers and a foot that leaves no ring."),
    Kind("jug", "jug", "Table", 4200, 50, (*_GLAZE, "cream"), _LITRES,
         "Pours the last drop into the glass and not the cloth.",
         "Thrown in one pull, with a lip cut by wire, which is why it never drips."),
    Kind("bowl", "bowl", "Table", 3200, 60, (*_GLAZE, "walnut"), ("16 cm", "20 cm", "26 cm", "32 cm"),
         "For soup, keys, or a sleeping cat.",
         "A generous curve on a narrow foot; it stacks, and it still looks well alone."),
    Kind("teapot", "teapot", "Table", 6800, 50, (*_GLAZE, "green"), ("two cups", "four cups", "six cups", "eight cups"),
         "Four o'clock, for the next fifty years.",
         "The lid stays on at any tilt, and the strainer is a part of the pot."),
    Kind("hammer", "hammer", "Workshop", 4600, 90, _WOOD, ("300 g", "450 g", "600 g", "900 g"),
         "It will see off nails, walls and two owners.",
         "Forged head, polished face, and an eye that holds its shaft with a wedge and good will.", called=_HANDLED),
    Kind("smoothing plane", "plane", "Workshop", 16500, 120, (*_WOOD, "brass"), ("No. 3", "No. 4", "No. 5", "No. 7"),
         "Takes off a shaving you can read through.",
         "Flat to two hundredths of a millimetre, with an iron that takes an edge in a minute."),
    Kind("axe", "axe", "Workshop", 9800, 100, _WOOD, ("hatchet", "forest", "splitting", "felling"),
         "The same axe, even after two new handles.",
         "The smith's initials are on the cheek; he signs only what he would use.", called=_HANDLED),
    Kind("hand saw", "saw", "Workshop", 7400, 70, _WOOD, ("35 cm", "45 cm", "55 cm", "65 cm"),
         "Cuts on the pull, on the push, and on Sundays.",
         "Taper-ground spring steel that sings when it is bent and can be sharpened for ever.", called=_HANDLED),
    Kind("garden spade", "spade", "Garden", 7900, 80, _WOOD, ("border", "standard", "long", "trenching"),
         "Turns over a new leaf, and the bed it lies on.",
         "A steel blade with a mirror face, strapped a foot up the shaft, because that is where others snap.",
         called=_HANDLED),
    Kind("watering can", "wateringcan", "Garden", 5800, 60, (*_ENAMEL, "copper"),
         ("3 litres", "5 litres", "7 litres", "10 litres"),
         "It rains when you say so.",
         "Balanced to be carried full, with a long reach and a rose of finely drilled brass."),
    Kind("storm lantern", "lantern", "Garden", 6600, 70, (*_ENAMEL, "brass"), ("23 cm", "28 cm", "33 cm", "38 cm"),
         "Burns through a gale, and has.",
         "A cold-blast burner, a globe of thick glass, and a bail for the hook on the shed."),
    Kind("birdhouse", "birdhouse", "Garden", 3900, 35, (*_WOOD, "forest", "crimson"),
         ("for wrens", "for tits", "for robins"),
         "A fixed address for small tenants.",
         "Dovetailed, pegged and roofed with a generous overhang; the front opens for spring cleaning."),
    Kind("boots", "boots", "Wardrobe", 28500, 25, _HIDE, ("size 38", "size 40", "size 42", "size 44", "size 46"),
         "Walked in by you, handed on by you.",
         "Welted so that they can be soled again, and again, and again after that.", 0.03),
    Kind("satchel", "satchel", "Wardrobe", 21500, 50, _HIDE, ("schoolbook", "foolscap", "folio", "overnight"),
         "Carries the homework of three generations.",
         "Two straps, brass buckles, saddle stitch, and a pocket whose use you will discover."),
    Kind("felt hat", "hat", "Wardrobe", 13500, 40, _DYED, ("size 55", "size 57", "size 59", "size 61"),
         "Keeps off sun, rain and small talk.",
         "Felt pressed on a block from 1911, with a band of ribbon and a brim that remembers.", 0.02),
    Kind("umbrella", "umbrella", "Wardrobe", 12500, 45, _DYED, ("town", "country", "golf", "for two"),
         "Lost by nobody who has paid for one.",
         "Eight ribs of fluted steel on a one-piece shaft, under cloth that dries while you look for your keys."),
    Kind("fountain pen", "pen", "Study", 16500, 70, (*_LACQUER, "brass"), _EDITION,
         "Signs treaties, cheques and postcards.",
         "A gold nib that learns your hand, and a piston that a watchmaker would be glad of."),
    Kind("notebook", "notebook", "Study", 2900, 90, (*_HIDE, "moss", "navy"), ("pocket", "octavo", "quarto", "folio"),
         "Acid-free thoughts, for readers not yet born.",
         "Sewn sections that lie flat, rag paper that takes ink on both sides, and numbered pages."),
    Kind("desk lamp", "lamp", "Study", 15500, 60, (*_ENAMEL, "brass"),
         ("short arm", "long arm", "clamp foot", "heavy foot"),
         "Sheds light; refuses to shed parts.",
         "Springs and friction joints hold it where you leave it, and a standard socket takes any lamp to come."),
    Kind("mantel clock", "clock", "Study", 34000, 100, (*_WOOD, "brass"),
         ("day", "eight-day", "thirty-day", "with chimes"),
         "Loses a minute a year, and is sorry.",
         "A brass movement behind bevelled glass, wound on Sundays, with a tick that keeps a room company."),
    Kind("armchair", "armchair", "Home", 98000, 60, _DYED, ("low back", "high back", "winged", "for two"),
         "Where the stories are told.",
         "A beech frame, jointed and pegged, webbing and horsehair, and covers that come off for the wash."),
    Kind("stool", "stool", "Home", 9500, 90, _WOOD, ("milking", "kitchen", "bench height", "bar height"),
         "Three legs: it cannot wobble.",
         "The legs are wedged through the seat, and the seat is shaved to the shape of sitting."),
    Kind("wool blanket", "blanket", "Home", 18500, 60, _DYED, ("for a lap", "single", "double", "for a family"),
         "The cold has given up on it.",
         "Woven from long-staple wool, fulled in spring water, and raised with real teasels."),
    Kind("trunk", "trunk", "Journeys", 42000, 90, ("tan", "oxblood", "navy", "moss"),
         ("cabin", "weekend", "steamer", "wardrobe"),
         "Round the world, twice, and up to the attic.",
         "Poplar under canvas and hide, with corners of brass and a lock that has never met its match."),
    Kind("flask", "flask", "Journeys", 5600, 50, (*_ENAMEL, "steel"),
         ("third of a litre", "half a litre", "1 litre", "2 litres"),
         "Hot tea on Thursday, from Tuesday.",
         "Double walls of steel around nothing at all, which is the best insulator there is."),
    Kind("pocket compass", "compass", "Journeys", 8400, 120, ("brass", "steel", "copper", "black"), _EDITION,
         "Knows where north is, and keeps to it.",
         "A jewelled needle in a damped capsule; it settles in three seconds and in any hemisphere."),
    Kind("roadster bicycle", "bicycle", "Journeys", 119000, 70, (*_LACQUER, "ivory"),
         ("50 cm", "54 cm", "58 cm", "62 cm"),
         "Goes to work, to market, and down to your niece.",
         "Lugged and brazed steel, a hub with three gears in an oil bath, and a saddle that gets better.", 0.02),
)  # fmt: skip
